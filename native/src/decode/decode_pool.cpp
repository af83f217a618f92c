#include "pcr/decode_pool.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <mutex>
#include <stdexcept>

#include "decode/image_decoder.hpp"
#include "decode/thread_pool.hpp"

namespace pcr {

struct DecodePool::State {
    explicit State(int num_threads)
        : decoders(static_cast<size_t>(std::max(num_threads, 1))), threads(num_threads) {}

    std::vector<ImageDecoder> decoders;  // one per thread
    ThreadPool threads;                  // last: its threads end before what they use
};

DecodePool::DecodePool(int num_threads) : state_(std::make_unique<State>(num_threads)) {}

DecodePool::~DecodePool() = default;

std::vector<ImageError> DecodePool::decode_batch(const std::vector<BatchItem>& items,
                                                 const OutputSpec& output,
                                                 const DecodeOptions& options) {
    options.check();
    if (output.width == 0 || output.height == 0) {
        throw std::invalid_argument("the output has no pixels");
    }
    std::vector<ImageError> errors;
    std::mutex errors_mutex;
    std::atomic<size_t> next{0};
    const auto decode = [&](ImageDecoder& decoder, size_t index) {
        std::string message;
        try {
            decoder.decode_item(items[index], output, options, index);
            return;
        } catch (const std::exception& error) {
            message = error.what();
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
    std::sort(errors.begin(), errors.end(),
              [](const ImageError& a, const ImageError& b) { return a.index < b.index; });
    return errors;
}

}  // namespace pcr
