#include "image_decoder.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "libjpeg_decoder.hpp"

namespace pcr::decode {

namespace {

constexpr size_t kKeepBytes = size_t{64} << 20;

/// The largest of 8, 4, 2, 1 by which both sides of the crop can shrink and stay large enough.
int choose_scale(const Box& box, const OutputSpec& output, float oversampling) {
    for (int scale = 8; scale > 1; scale /= 2) {
        const float factor = static_cast<float>(scale) * oversampling;
        if (box.width >= factor * static_cast<float>(output.width) &&
            box.height >= factor * static_cast<float>(output.height)) {
            return scale;
        }
    }
    return 1;
}

void check_box(const Box& box, uint32_t width, uint32_t height) {
    constexpr float kTolerance = 1e-3f;
    const bool inside = box.x0 >= -kTolerance && box.y0 >= -kTolerance && box.width > 0 &&
                        box.height > 0 &&
                        box.x0 + box.width <= static_cast<float>(width) + kTolerance &&
                        box.y0 + box.height <= static_cast<float>(height) + kTolerance;
    if (inside) return;  // false for NaN too
    std::ostringstream message;
    message << "crop " << box.x0 << "," << box.y0 << " " << box.width << "x" << box.height
            << " is not inside the image of " << width << "x" << height << " pixels";
    throw DecodeError(message.str());
}

}  // namespace

ImageDecoder::Crop ImageDecoder::plan_crop(const BatchItem& item, const OutputSpec& output,
                                           const DecodeOptions& options, uint32_t width,
                                           uint32_t height) {
    if (item.orientation < 1 || item.orientation > 8) {
        throw DecodeError("EXIF orientation " + std::to_string(item.orientation) + " is not 1...8");
    }
    const Orientation orientation = Orientation::from_exif(item.orientation);
    const uint32_t shown_width = orientation.transpose ? height : width;
    const uint32_t shown_height = orientation.transpose ? width : height;
    const Box shown = item.box.value_or(
        Box{0, 0, static_cast<float>(shown_width), static_cast<float>(shown_height)});
    check_box(shown, shown_width, shown_height);

    Crop crop;
    crop.box = orientation.to_stored(shown, width, height);
    crop.scale = choose_scale(shown, output, options.oversampling);
    const auto first = [&](float start, uint32_t size) {
        const float pixel = std::floor(std::max(start, 0.0f) / static_cast<float>(crop.scale));
        return std::min(static_cast<uint32_t>(pixel), scaled_size(size, crop.scale) - 1);
    };
    const auto end = [&](float stop, uint32_t size, uint32_t begin) {
        const float pixel = std::ceil(stop / static_cast<float>(crop.scale));
        return std::clamp(static_cast<uint32_t>(pixel), begin + 1, scaled_size(size, crop.scale));
    };
    crop.region.x0 = first(crop.box.x0, width);
    crop.region.y0 = first(crop.box.y0, height);
    crop.region.x1 = end(crop.box.x0 + crop.box.width, width, crop.region.x0);
    crop.region.y1 = end(crop.box.y0 + crop.box.height, height, crop.region.y0);
    return crop;
}

void ImageDecoder::decode_item(const BatchItem& item, const OutputSpec& output,
                               const DecodeOptions& options, size_t index) {
    Crop crop;
    bool done = false;
    if (options.decoder == Decoder::kNative && entropy_.decode(item.jpeg, options.max_pixels)) {
        const Frame& frame = entropy_.frame();
        crop = plan_crop(item, output, options, frame.width, frame.height);
        done = reconstructor_.run(frame, entropy_.coefficients(), crop.scale, crop.region, image_);
    }
    if (!done) {
        LibjpegImage libjpeg(item.jpeg, options.max_pixels);
        crop = plan_crop(item, output, options, libjpeg.width(), libjpeg.height());
        libjpeg.decode(crop.scale, options.block_smoothing, crop.region, image_);
    }
    const float factor = 1.0f / static_cast<float>(crop.scale);
    const Box box = {crop.box.x0 * factor - static_cast<float>(crop.region.x0),
                     crop.box.y0 * factor - static_cast<float>(crop.region.y0),
                     crop.box.width * factor, crop.box.height * factor};
    const Orientation orientation = Orientation::from_exif(item.orientation);
    resampler_.run(image_, box, item.flip ? orientation.then_flip() : orientation, output, index);
    trim();
}

const PlanarImage& ImageDecoder::decode_whole(Bytes jpeg, const DecodeOptions& options, int scale) {
    if (options.decoder == Decoder::kNative && entropy_.decode(jpeg, options.max_pixels) &&
        reconstructor_.run(entropy_.frame(), entropy_.coefficients(), scale, {}, image_)) {
        return image_;
    }
    LibjpegImage(jpeg, options.max_pixels).decode(scale, options.block_smoothing, {}, image_);
    return image_;
}

void ImageDecoder::trim() {
    entropy_.trim();
    reconstructor_.trim(kKeepBytes);
    if (image_.capacity_bytes() > kKeepBytes) image_.release();
}

}  // namespace pcr::decode
