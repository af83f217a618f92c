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

/// Processor-bound seconds of all images so far, by stage, summed over threads.
struct StageSeconds {
    double entropy = 0;    // headers and scans, to coefficients; all of decoding by libjpeg
    double transform = 0;  // IDCT, upsampling, colour
    double resample = 0;   // to the output: resize, flip, normalise
};

/// A batch that is being decoded. What it was begun with stays where it is until `wait` returns, or
/// until this is destroyed, which leaves out the images that no thread has begun.
class DecodeJob {
  public:
    DecodeJob(DecodeJob&&) noexcept = default;
    ~DecodeJob();

    /// Waits for all images. Those that failed are reported in order of their index, and their
    /// places filled with zeros. Throws std::bad_alloc where memory is short. To be called once.
    std::vector<ImageError> wait();

  private:
    friend class DecodePool;
    class Batch;
    struct Pool;
    DecodeJob(std::shared_ptr<Pool> pool, std::shared_ptr<Batch> batch);

    std::shared_ptr<Pool> pool_;  // before the batch: it outlives it
    std::shared_ptr<Batch> batch_;
};

/// Threads with their workspaces. The threads live as long as the pool and its jobs, and belong to
/// the process that made it: in a child, the pool does nothing but leave them alone.
class DecodePool {
  public:
    /// Throws std::invalid_argument for fewer than one thread.
    explicit DecodePool(int num_threads);
    ~DecodePool();
    DecodePool(const DecodePool&) = delete;
    DecodePool& operator=(const DecodePool&) = delete;

    /// Begins to decode every item into its place of the output, after what was begun before; the
    /// result does not depend on the number of threads. Throws std::invalid_argument for options
    /// that exclude each other, and std::runtime_error in a process that was forked from the
    /// pool's.
    DecodeJob begin(std::vector<BatchItem> items, const OutputSpec& output,
                    const DecodeOptions& options);

    StageSeconds stage_seconds() const;

  private:
    std::shared_ptr<DecodeJob::Pool> pool_;
};

}  // namespace pcr
