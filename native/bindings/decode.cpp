// Python bindings of the decoder: they check arguments, convert, and release the GIL.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "batch_image.hpp"
#include "bindings.hpp"
#include "buffers.hpp"
#include "pcr/decode_pool.hpp"
#include "pcr/decode_rgb.hpp"
#include "pcr/header.hpp"

namespace py = pybind11;

namespace {

pcr::Layout parse_layout(const std::string& name) {
    if (name == "NCHW") return pcr::Layout::kNCHW;
    if (name == "NHWC") return pcr::Layout::kNHWC;
    throw py::value_error("layout must be 'NCHW' or 'NHWC', found '" + name + "'");
}

pcr::DType parse_dtype(const std::string& name) {
    if (name == "uint8") return pcr::DType::kUint8;
    if (name == "float32") return pcr::DType::kFloat32;
    if (name == "float16") return pcr::DType::kFloat16;
    if (name == "bfloat16") return pcr::DType::kBfloat16;
    throw py::value_error("dtype must be 'uint8', 'float32', 'float16' or 'bfloat16', found '" +
                          name + "'");
}

/// NumPy has no bfloat16, so 16-bit types are passed as uint16.
py::dtype stored_dtype(pcr::DType dtype) {
    if (dtype == pcr::DType::kUint8) return py::dtype::of<uint8_t>();
    return dtype == pcr::DType::kFloat32 ? py::dtype::of<float>() : py::dtype::of<uint16_t>();
}

/// `kind`, with the memory and size of `out`.
pcr::OutputSpec describe_output(pcr::OutputSpec kind, py::array& out, size_t images) {
    const py::dtype expected = stored_dtype(kind.dtype);
    if (!out.dtype().is(expected) && !out.dtype().equal(expected)) {
        throw py::value_error("out has dtype " + py::str(out.dtype()).cast<std::string>() +
                              ", expected " + py::str(expected).cast<std::string>());
    }
    const bool nchw = kind.layout == pcr::Layout::kNCHW;
    if (out.ndim() != 4 || static_cast<size_t>(out.shape(0)) < images ||
        out.shape(nchw ? 1 : 3) != 3) {
        throw py::value_error("out has shape " + shape_text(out) + ", expected " +
                              (nchw ? "(N, 3, H, W)" : "(N, H, W, 3)") + " with N at least " +
                              std::to_string(images));
    }
    require((out.flags() & py::array::c_style) != 0, "out must be C-contiguous");
    kind.height = static_cast<uint32_t>(out.shape(nchw ? 2 : 1));
    kind.width = static_cast<uint32_t>(out.shape(nchw ? 3 : 2));
    kind.data = out.mutable_data();
    return kind;
}

using Spans = py::array_t<int64_t, 0>;  // strided, where they are a field of BatchImage

pcr::ByteSpan find_jpeg(const std::vector<pcr::ByteSpan>& buffers, py::ssize_t i,
                        const std::array<int64_t, 3>& span) {
    const auto [buffer, begin, end] = span;
    const auto number = static_cast<size_t>(buffer);  // huge, where it is negative
    if (number >= buffers.size() || begin < 0 || begin > end ||
        static_cast<size_t>(end) > buffers[number].size) {
        throw py::value_error("span " + std::to_string(i) + " is not inside a buffer");
    }
    return buffers[number].subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
}

/// Each buffer, or the spans of them.
std::vector<pcr::ByteSpan> collect_jpegs(const std::vector<pcr::ByteSpan>& buffers,
                                         const std::optional<Spans>& spans) {
    if (!spans) return buffers;
    if (spans->ndim() != 2 || spans->shape(1) != 3) {
        throw py::value_error("spans has shape " + shape_text(*spans) + ", expected (N, 3)");
    }
    const auto places = spans->unchecked<2>();
    std::vector<pcr::ByteSpan> jpegs;
    for (py::ssize_t i = 0; i < places.shape(0); ++i) {
        jpegs.push_back(find_jpeg(buffers, i, {places(i, 0), places(i, 1), places(i, 2)}));
    }
    return jpegs;
}

/// Whole buffers, or what `images` says of them.
std::vector<pcr::BatchItem> collect_items(const std::vector<pcr::ByteSpan>& buffers,
                                          const std::optional<py::array_t<BatchImage>>& images) {
    std::vector<pcr::BatchItem> items;
    if (!images) {
        for (const pcr::ByteSpan& jpeg : buffers) items.emplace_back().jpeg = jpeg;
        return items;
    }
    const auto rows = images->unchecked<1>();
    items.reserve(static_cast<size_t>(rows.shape(0)));
    for (py::ssize_t i = 0; i < rows.shape(0); ++i) {
        const BatchImage& row = rows(i);
        const auto [x, y, width, height] = row.box;
        items.push_back({find_jpeg(buffers, i, row.span), row.orientation,
                         pcr::Box{x, y, width, height}, row.flip});
    }
    return items;
}

/// A batch that is being decoded, with the Python objects that it is decoded from and to.
class Job {
  public:
    Job(std::unique_ptr<BufferViews> views, py::array out, pcr::DecodeJob job)
        : views_(std::move(views)), out_(std::move(out)), job_(std::move(job)) {}
    ~Job() {
        const py::gil_scoped_release release;
        job_.reset();
    }
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    std::vector<std::pair<size_t, std::string>> wait() {
        std::vector<pcr::ImageError> errors;
        {
            const py::gil_scoped_release release;
            errors = job_->wait();
        }
        std::vector<std::pair<size_t, std::string>> result;
        for (pcr::ImageError& error : errors)
            result.emplace_back(error.index, std::move(error.message));
        return result;
    }

  private:
    std::unique_ptr<BufferViews> views_;
    py::array out_;
    std::optional<pcr::DecodeJob> job_;
};

/// Threads, and what they make of all batches.
class Pool {
  public:
    Pool(int num_threads, const std::string& dtype, const std::string& layout,
         const std::array<float, 3>& mean, const std::array<float, 3>& stddev,
         const std::string& decoder, bool block_smoothing, float oversampling, bool resize_first,
         int64_t max_pixels)
        : options_{to_codec("decoder", decoder), block_smoothing, oversampling, max_pixels,
                   resize_first},
          pool_(num_threads) {
        for (float value : stddev) require(value != 0, "std must not be 0");
        options_.check();
        output_.dtype = parse_dtype(dtype);
        output_.layout = parse_layout(layout);
        output_.mean = mean;
        output_.stddev = stddev;
    }

    std::unique_ptr<Job> begin(const py::sequence& jpegs, py::array out,
                               const std::optional<py::array_t<BatchImage>>& images) {
        auto views = std::make_unique<BufferViews>(jpegs);
        auto items = collect_items(views->spans(), images);
        const auto output = describe_output(output_, out, items.size());
        pcr::DecodeJob job = pool_.begin(std::move(items), output, options_);
        return std::make_unique<Job>(std::move(views), std::move(out), std::move(job));
    }

    std::map<std::string, double> stage_seconds() const {
        const pcr::StageSeconds seconds = pool_.stage_seconds();
        return {{"entropy", seconds.entropy},
                {"transform", seconds.transform},
                {"resample", seconds.resample}};
    }

  private:
    pcr::OutputSpec output_;
    pcr::DecodeOptions options_;
    pcr::DecodePool pool_;
};

py::array decode_whole(const py::object& jpeg, const std::string& decoder, bool block_smoothing,
                       int scale, int64_t max_pixels,
                       const std::optional<std::array<uint32_t, 4>>& window) {
    const BufferView view(jpeg);
    pcr::Region region;
    if (window) {
        const auto [left, top, width, height] = *window;
        const bool fits = left <= UINT32_MAX - width && top <= UINT32_MAX - height;
        require(fits && width > 0 && height > 0, "the window is not inside the image");
        region = {left, top, left + width, top + height};
    }
    const pcr::DecodeOptions options{to_codec("decoder", decoder), block_smoothing, 1, max_pixels};
    pcr::RgbImage image;
    {
        py::gil_scoped_release release;
        image = pcr::decode_rgb(view.span(), options, scale, region);
    }
    return to_array(std::move(image.pixels), {image.height, image.width, 3});
}

/// (n, 2) int64: width, height; zeros where there is no frame header.
py::array picture_sizes(const py::sequence& buffers, const std::optional<Spans>& spans) {
    const BufferViews views(buffers);
    const std::vector<pcr::ByteSpan> jpegs = collect_jpegs(views.spans(), spans);
    std::vector<int64_t> values;
    values.reserve(2 * jpegs.size());
    {
        py::gil_scoped_release release;
        for (const pcr::ByteSpan& jpeg : jpegs) {
            const pcr::PictureSize size = pcr::find_picture_size(jpeg);
            values.insert(values.end(), {size.width, size.height});
        }
    }
    return to_array(std::move(values), {static_cast<py::ssize_t>(jpegs.size()), 2});
}

}  // namespace

void bind_decode(py::module_& m) {
    py::class_<Job>(m, "DecodeJob", "A batch that a DecodePool decodes.")
        .def("wait", &Job::wait,
             "Wait for all images: [(index, message)] of those that failed, ascending, those cut "
             "short (without EOI) among them; their places hold zeros. To be called once.");

    PYBIND11_NUMPY_DTYPE(BatchImage, span, label, number, draw, size, box, flip, orientation);
    m.attr("BATCH_IMAGE") = py::dtype::of<BatchImage>();
    py::class_<Pool>(m, "DecodePool", R"(Threads that decode batches of JPEGs into arrays.

dtype: of the values, which are (v - mean) / std, all in 0 … 255; uint8 values are v itself, rounded.
decoder: 'native' (falls back to libjpeg for damaged streams) or 'libjpeg'. block_smoothing:
interpolate components of which there is only DC (native), or guess missing coefficients (libjpeg).
oversampling: decode at 1/2, 1/4 or 1/8 while the reduced crop is at least this many
times the output in both directions; at least 1; infinity: always at full size. resize_first: as if
the whole image was resized and the box cut out of the result, not the box cut out and then resized;
the two differ at the border.

Raises ValueError for arguments that do not fit.)")
        .def(
            py::init<int, const std::string&, const std::string&, const std::array<float, 3>&,
                     const std::array<float, 3>&, const std::string&, bool, float, bool, int64_t>(),
            py::arg("num_threads"), py::kw_only(), py::arg("dtype") = "float32",
            py::arg("layout") = "NCHW", py::arg("mean") = std::array<float, 3>{0, 0, 0},
            py::arg("std") = std::array<float, 3>{1, 1, 1}, py::arg("decoder") = "native",
            py::arg("block_smoothing") = false, py::arg("oversampling") = 1.0f,
            py::arg("resize_first") = false, py::arg("max_pixels") = pcr::kMaxPixels)
        .def("stage_seconds", &Pool::stage_seconds,
             "Seconds of all images so far, summed over threads: entropy (headers and scans; all "
             "of decoding by libjpeg), transform (IDCT, upsampling, colour), resample.")
        .def(
            "begin", &Pool::begin, py::arg("jpegs"), py::arg("out").noconvert(),
            py::arg("images").noconvert() = py::none(),
            R"(Begin to decode, crop, resize, flip and normalise n JPEGs into `out`, after what was begun before.

jpegs: buffers of bytes, none copied: n JPEGs to decode whole, or what images refers to. out:
(N, 3, H, W) or (N, H, W, 3) with N >= n, C-contiguous; uint8 or float32, or uint16 that receives the
bit patterns of float16 or bfloat16, as the pool's dtype says. images: (n,) of type
BATCH_IMAGE, boxes in pixels of the oriented image; flips come after the crop.

Returns a DecodeJob; dropped, it leaves out what no thread has begun. Raises ValueError or TypeError
for arguments that do not fit. The GIL is not needed meanwhile.)");

    m.def("decode_rgb", &decode_whole, py::arg("jpeg"), py::arg("decoder") = "native",
          py::arg("block_smoothing") = false, py::arg("scale") = 1,
          py::arg("max_pixels") = pcr::kMaxPixels, py::arg("window") = py::none(),
          "The whole picture at 1/scale (1, 2, 4, 8) as uint8 (height, width, 3), stored "
          "orientation; or a window of it, (left, top, width, height), of which only what it needs "
          "is decoded.\n\n"
          "Raises FormatError, also where the JPEG ends without EOI, ValueError for a window that "
          "is not inside.");
    m.def(
        "picture_sizes", &picture_sizes, py::arg("jpegs"),
        py::arg("spans").noconvert() = py::none(),
        "int64 (n, 2): width and height of n JPEGs as stored, also of damaged and truncated ones; "
        "zeros where no frame header is found. spans: int64 (n, 3), of each JPEG the number of its "
        "buffer, its first byte there, and the byte after its last one.");
}
