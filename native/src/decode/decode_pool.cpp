#include "pcr/decode_pool.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <mutex>
#include <stdexcept>

#include "decode/image_decoder.hpp"
#include "decode/thread_pool.hpp"
#include "pcr/error.hpp"

namespace pcr {

struct DecodePool::State {
    explicit State(int num_threads)
        : decoders(static_cast<size_t>(std::max(num_threads, 1))), threads(num_threads) {}

    const pid_t process = getpid();      // to which the threads belong
    std::vector<ImageDecoder> decoders;  // one per thread
    ThreadPool threads;                  // last: its threads end before what they use
};

DecodePool::DecodePool(int num_threads) : state_(std::make_unique<State>(num_threads)) {}

/// A child that was forked has the pool but not its threads: joining them would crash or hang.
DecodePool::~DecodePool() {
    if (state_->process != getpid()) static_cast<void>(state_.release());
}

std::vector<ImageError> DecodePool::decode_batch(const std::vector<BatchItem>& items,
                                                 const OutputSpec& output,
                                                 const DecodeOptions& options) {
    if (state_->process != getpid()) {
        throw std::runtime_error("the threads of this pool are in the process that made it");
    }
    options.check();
    if (output.width == 0 || output.height == 0) {
        throw std::invalid_argument("the output has no pixels");
    }
    std::vector<ImageError> errors;
    std::exception_ptr failure;  // of the machine, not of an image
    std::mutex errors_mutex;
    std::atomic<size_t> next{0};
    const auto decode = [&](ImageDecoder& decoder, size_t index) {
        std::string message;
        try {
            decoder.decode_item(items[index], output, options, index);
            return;
        } catch (const FormatError& error) {
            message = error.what();
        } catch (...) {
            const std::lock_guard<std::mutex> lock(errors_mutex);
            failure = std::current_exception();
            return;
        }
        const size_t bytes = output.bytes_per_image();
        std::memset(static_cast<uint8_t*>(output.data) + index * bytes, 0, bytes);
        std::lock_guard<std::mutex> lock(errors_mutex);
        errors.push_back({index, message});
    };
    state_->threads.run([&](int thread) {
        for (size_t i = next.fetch_add(1); i < items.size(); i = next.fetch_add(1)) {
            decode(state_->decoders[static_cast<size_t>(thread)], i);
        }
    });
    if (failure) std::rethrow_exception(failure);
    std::sort(errors.begin(), errors.end(),
              [](const ImageError& a, const ImageError& b) { return a.index < b.index; });
    return errors;
}

}  // namespace pcr
