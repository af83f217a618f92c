// Decoding a batch of JPEGs into one tensor: crop, resize, flip, normalise.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pcr/bytes.hpp"
#include "pcr/decode_options.hpp"
#include "pcr/output_spec.hpp"

namespace pcr {

struct BatchItem {
    ByteSpan jpeg;
    int orientation = 1;     // EXIF, 1 … 8
    std::optional<Box> box;  // nothing: the whole image
    bool flip = false;       // horizontally, after the crop
};

struct ImageError {
    size_t index = 0;
    std::string message;
};

/// Threads with their workspaces. The threads live as long as the pool, and belong to the process
/// that made it: in a child, the pool does nothing but leave them alone.
class DecodePool {
  public:
    /// Throws std::invalid_argument for fewer than one thread.
    explicit DecodePool(int num_threads);
    ~DecodePool();
    DecodePool(const DecodePool&) = delete;
    DecodePool& operator=(const DecodePool&) = delete;

    /// Decodes every item into its place of the output. Images that fail are reported in order of
    /// their index and their places filled with zeros; the result does not depend on the number of
    /// threads. Calls from several threads take turns. Throws std::invalid_argument for options
    /// that exclude each other, std::bad_alloc where memory is short, and std::runtime_error in a
    /// process that was forked from the pool's.
    std::vector<ImageError> decode_batch(const std::vector<BatchItem>& items,
                                         const OutputSpec& output, const DecodeOptions& options);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace pcr
