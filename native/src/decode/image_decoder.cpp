#include "decode/image_decoder.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <stdexcept>

#include "decode/libjpeg_decoder.hpp"
#include "jpeg/markers.hpp"
#include "pcr/error.hpp"

namespace pcr {
namespace {

constexpr size_t kKeepBytes = size_t{64} << 20;

struct Span {
    uint32_t begin;
    uint32_t end;
};

/// Which of `size` pixels a box along one axis touches; all numbers count scaled pixels. With
/// `resize_first`, those too that the filter reaches beyond the box.
Span touched_pixels(float start, float length, uint32_t size, uint32_t output_side,
                    bool resize_first) {
    const float reduction = length / static_cast<float>(output_side);
    const float reach = resize_first ? std::ceil(std::max(1.0f, reduction)) : 0.0f;
    const float first = std::floor(std::max(start - reach, 0.0f));
    const float last = std::ceil(start + length + reach);
    const uint32_t begin = std::min(static_cast<uint32_t>(first), size - 1);
    return {begin, std::clamp(static_cast<uint32_t>(last), begin + 1, size)};
}

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
    throw FormatError(message.str());
}

/// The region, or all of the picture for an empty one.
Region region_inside(const Region& region, uint32_t width, uint32_t height) {
    if (region.x0 == region.x1 && region.y0 == region.y1) return {0, 0, width, height};
    if (region.x0 >= region.x1 || region.x1 > width || region.y0 >= region.y1 ||
        region.y1 > height) {
        throw std::invalid_argument("the window is not inside the image");
    }
    return region;
}

/// Decoders fill up with gray what is missing of a file that was cut short. Pillow and torchvision
/// refuse one that ends without EOI, even if nothing else is missing, and so does this.
[[noreturn]] void fail_truncated() {
    throw FormatError("truncated JPEG: expected EOI at its end, found none");
}

}  // namespace

ImageDecoder::Crop ImageDecoder::plan_crop(const BatchItem& item, const OutputSpec& output,
                                           const DecodeOptions& options, uint32_t width,
                                           uint32_t height) {
    if (item.orientation < 1 || item.orientation > 8) {
        throw FormatError("EXIF orientation " + std::to_string(item.orientation) + " is not 1 … 8");
    }
    const Orientation orientation = Orientation::from_exif(item.orientation);
    const uint32_t shown_width = orientation.transpose ? height : width;
    const uint32_t shown_height = orientation.transpose ? width : height;
    const Box shown = item.box.value_or(
        Box{0, 0, static_cast<float>(shown_width), static_cast<float>(shown_height)});
    check_box(shown, shown_width, shown_height);

    Crop crop;
    crop.scale = choose_scale(shown, output, options.oversampling);
    const float factor = 1.0f / static_cast<float>(crop.scale);
    const Box stored = orientation.to_stored(shown, width, height);
    Box box = {stored.x0 * factor, stored.y0 * factor, stored.width * factor,
               stored.height * factor};
    const Span columns =
        touched_pixels(box.x0, box.width, scaled_size(width, crop.scale),
                       orientation.transpose ? output.height : output.width, options.resize_first);
    const Span rows =
        touched_pixels(box.y0, box.height, scaled_size(height, crop.scale),
                       orientation.transpose ? output.width : output.height, options.resize_first);
    crop.region = {columns.begin, rows.begin, columns.end, rows.end};
    box.x0 -= static_cast<float>(columns.begin);
    box.y0 -= static_cast<float>(rows.begin);
    crop.box = box;
    return crop;
}

bool ImageDecoder::decode_natively(ByteSpan jpeg, const DecodeOptions& options,
                                   const std::function<BlockRows(const Frame&)>& needed) {
    const bool done =
        options.decoder == Codec::kNative && entropy_.decode(jpeg, options.max_pixels, needed);
    if (done && entropy_.is_truncated()) fail_truncated();
    return done;
}

void ImageDecoder::decode_item(const BatchItem& item, const OutputSpec& output,
                               const DecodeOptions& options, size_t index) {
    Crop crop;
    bool done = false;
    const auto needed = [&](const Frame& frame) {
        crop = plan_crop(item, output, options, frame.width, frame.height);
        return Reconstructor::block_rows(frame, crop.scale, options.block_smoothing, crop.region);
    };
    if (clocks_.entropy.time([&] { return decode_natively(item.jpeg, options, needed); })) {
        done = clocks_.transform.time([&] {
            return reconstructor_.run(entropy_.frame(), entropy_.coefficients(), crop.scale,
                                      options.block_smoothing, crop.region, image_);
        });
    }
    if (!done)
        clocks_.entropy.time([&] {
            LibjpegImage libjpeg(item.jpeg, options.max_pixels);
            if (!ends_in_eoi(item.jpeg)) fail_truncated();
            crop = plan_crop(item, output, options, libjpeg.width(), libjpeg.height());
            libjpeg.decode(crop.scale, options.block_smoothing, crop.region, image_);
        });
    const Orientation orientation = Orientation::from_exif(item.orientation);
    clocks_.resample.time([&] {
        resampler_.run(image_, crop.box, item.flip ? orientation.then_flip() : orientation, output,
                       index);
    });
    trim();
}

const PlanarImage& ImageDecoder::decode_region(ByteSpan jpeg, const DecodeOptions& options,
                                               int scale, const Region& region) {
    Region inside;
    const auto needed = [&](const Frame& frame) {
        inside = region_inside(region, scaled_size(frame.width, scale),
                               scaled_size(frame.height, scale));
        return Reconstructor::block_rows(frame, scale, options.block_smoothing, inside);
    };
    if (decode_natively(jpeg, options, needed) &&
        reconstructor_.run(entropy_.frame(), entropy_.coefficients(), scale,
                           options.block_smoothing, inside, image_)) {
        return image_;
    }
    LibjpegImage libjpeg(jpeg, options.max_pixels);
    if (!ends_in_eoi(jpeg)) fail_truncated();
    inside = region_inside(region, scaled_size(libjpeg.width(), scale),
                           scaled_size(libjpeg.height(), scale));
    libjpeg.decode(scale, options.block_smoothing, inside, image_);
    return image_;
}

void ImageDecoder::trim() {
    entropy_.trim();
    reconstructor_.trim(kKeepBytes);
    if (image_.capacity_bytes() > kKeepBytes) image_.release();
}

}  // namespace pcr
