#include "pcr/decode_pool.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "decode/image_decoder.hpp"
#include "decode/thread_pool.hpp"
#include "pcr/error.hpp"

namespace pcr {

struct DecodeJob::Pool {
    explicit Pool(int num_threads)
        : decoders(static_cast<size_t>(std::max(num_threads, 1))), threads(num_threads) {}

    const pid_t process = getpid();      // to which the threads belong
    std::vector<ImageDecoder> decoders;  // one per thread
    ThreadPool threads;                  // last: its threads end before what they use
};

class DecodeJob::Batch : public Work {
  public:
    Batch(std::vector<ImageDecoder>& decoders, std::vector<BatchItem> items,
          const OutputSpec& output, const DecodeOptions& options)
        : decoders_(decoders), items_(std::move(items)), output_(output), options_(options) {}

    bool do_next(int thread) override {
        const size_t index = next_.fetch_add(1);
        if (index >= items_.size()) return false;
        decode(decoders_[static_cast<size_t>(thread)], index);
        finish(1);
        return true;
    }

    /// Leaves out what no thread has begun.
    void cancel() {
        const size_t begun = std::min(next_.exchange(items_.size()), items_.size());
        finish(items_.size() - begun);
    }

    std::vector<ImageError> wait() {
        std::unique_lock<std::mutex> lock(mutex_);
        finished_.wait(lock, [this] { return done_ == items_.size(); });
        if (failure_) std::rethrow_exception(failure_);
        std::sort(errors_.begin(), errors_.end(),
                  [](const ImageError& a, const ImageError& b) { return a.index < b.index; });
        return std::move(errors_);
    }

    void wait_quietly() {
        std::unique_lock<std::mutex> lock(mutex_);
        finished_.wait(lock, [this] { return done_ == items_.size(); });
    }

  private:
    void decode(ImageDecoder& decoder, size_t index) {
        std::string message;
        try {
            decoder.decode_item(items_[index], output_, options_, index);
            return;
        } catch (const FormatError& error) {
            message = error.what();
        } catch (...) {
            const std::lock_guard<std::mutex> lock(mutex_);
            failure_ = std::current_exception();
            return;
        }
        const size_t bytes = output_.bytes_per_image();
        std::memset(static_cast<uint8_t*>(output_.data) + index * bytes, 0, bytes);
        const std::lock_guard<std::mutex> lock(mutex_);
        errors_.push_back({index, std::move(message)});
    }

    void finish(size_t items) {
        const std::lock_guard<std::mutex> lock(mutex_);
        done_ += items;
        if (done_ == items_.size()) finished_.notify_all();
    }

    std::vector<ImageDecoder>& decoders_;
    const std::vector<BatchItem> items_;
    const OutputSpec output_;
    const DecodeOptions options_;
    std::atomic<size_t> next_{0};
    std::mutex mutex_;  // of what follows
    std::condition_variable finished_;
    size_t done_ = 0;
    std::vector<ImageError> errors_;
    std::exception_ptr failure_;  // of the machine, not of an image
};

DecodeJob::DecodeJob(std::shared_ptr<Pool> pool, std::shared_ptr<Batch> batch)
    : pool_(std::move(pool)), batch_(std::move(batch)) {}

DecodeJob::~DecodeJob() {
    if (!pool_) return;  // moved from
    if (pool_->process != getpid()) {
        // A child that was forked has the pool but not its threads: waiting for them would hang.
        static_cast<void>(new std::shared_ptr<Pool>(std::move(pool_)));
        return;
    }
    batch_->cancel();
    batch_->wait_quietly();
}

std::vector<ImageError> DecodeJob::wait() { return batch_->wait(); }

DecodePool::DecodePool(int num_threads) : pool_(std::make_shared<DecodeJob::Pool>(num_threads)) {}

/// A child that was forked has the pool but not its threads: joining them would crash or hang.
DecodePool::~DecodePool() {
    if (pool_->process != getpid()) {
        static_cast<void>(new std::shared_ptr<DecodeJob::Pool>(std::move(pool_)));
    }
}

DecodeJob DecodePool::begin(std::vector<BatchItem> items, const OutputSpec& output,
                            const DecodeOptions& options) {
    if (pool_->process != getpid()) {
        throw std::runtime_error("the threads of this pool are in the process that made it");
    }
    options.check();
    if (output.width == 0 || output.height == 0) {
        throw std::invalid_argument("the output has no pixels");
    }
    auto batch =
        std::make_shared<DecodeJob::Batch>(pool_->decoders, std::move(items), output, options);
    pool_->threads.add(batch);
    return {pool_, std::move(batch)};
}

StageSeconds DecodePool::stage_seconds() const {
    StageSeconds sum;
    for (const ImageDecoder& decoder : pool_->decoders) {
        sum.entropy += decoder.clocks().entropy.seconds();
        sum.transform += decoder.clocks().transform.seconds();
        sum.resample += decoder.clocks().resample.seconds();
    }
    return sum;
}

}  // namespace pcr
