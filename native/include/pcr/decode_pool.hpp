// Decoding a batch of JPEGs into one tensor: crop, resize, flip, normalise.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jpeg/frame.hpp"

namespace pcr::decode {

/// A crop in pixels of the oriented image (EXIF orientation applied); may be fractional.
struct Box {
    float x0 = 0;
    float y0 = 0;
    float width = 0;
    float height = 0;
};

enum class DType { kUint8, kFloat32, kFloat16, kBfloat16 };
enum class Layout { kNchw, kNhwc };

/// A batch of RGB images. Values are (v - mean) / stddev with v, mean and stddev in 0...255, not
/// rounded except to the type; uint8 output is v, rounded.
struct OutputSpec {
    void* data = nullptr;  // N x 3 x height x width, or N x height x width x 3
    DType dtype = DType::kFloat32;
    Layout layout = Layout::kNchw;
    uint32_t height = 0;
    uint32_t width = 0;
    std::array<float, 3> mean{0, 0, 0};
    std::array<float, 3> stddev{1, 1, 1};

    size_t bytes_per_image() const;
};

enum class Decoder {
    kNative,  // falls back to libjpeg where a stream is damaged or not Huffman-coded
    kLibjpeg
};

struct DecodeOptions {
    Decoder decoder = Decoder::kNative;
    bool block_smoothing = false;  // libjpeg only
    /// Decode at 1/2, 1/4 or 1/8 while the reduced crop is at least this many times the output in
    /// both directions. 1: as soon as the crop is twice the output; infinity: never.
    float oversampling = 1;
    int64_t max_pixels = kDefaultMaxPixels;
    /// As if the whole image was resized and the crop cut out of the result: the filter sees the
    /// pixels around the box. Otherwise the box is cut out first.
    bool resize_first = false;
};

struct BatchItem {
    Bytes jpeg;
    int orientation = 1;     // EXIF, 1...8
    std::optional<Box> box;  // nothing: the whole image
    bool flip = false;       // horizontally, after the crop
};

struct ImageError {
    size_t index = 0;
    std::string message;
};

/// Threads with their workspaces. The threads live as long as the pool.
class DecodePool {
  public:
    /// Throws std::invalid_argument for fewer than one thread.
    explicit DecodePool(int num_threads);
    ~DecodePool();
    DecodePool(const DecodePool&) = delete;
    DecodePool& operator=(const DecodePool&) = delete;

    int num_threads() const;

    /// JPEG bytes of all images that were asked for so far.
    uint64_t bytes_decoded() const;

    /// Decodes every item into its place of the output. Images that fail are reported in order of
    /// their index and their places filled with zeros; the result does not depend on the number of
    /// threads. Calls from several threads take turns. Throws std::invalid_argument for options
    /// that exclude each other.
    std::vector<ImageError> decode_batch(const std::vector<BatchItem>& items,
                                         const OutputSpec& output, const DecodeOptions& options);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace pcr::decode
