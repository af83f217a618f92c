// Python bindings of the decoder: they check arguments, convert, and release the GIL.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"
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

/// NumPy has no bfloat16, so 16-bit types are passed as uint16, and `name` says which.
pcr::DType parse_dtype(const std::string& name, const py::array& out) {
    const auto require_type = [&](const py::dtype& expected, pcr::DType dtype) {
        require(out.dtype().is(expected) || out.dtype().equal(expected),
                "out has dtype " + py::str(out.dtype()).cast<std::string>() + ", expected " +
                    py::str(expected).cast<std::string>() + " for " + name);
        return dtype;
    };
    if (name == "uint8") return require_type(py::dtype::of<uint8_t>(), pcr::DType::kUint8);
    if (name == "float32") return require_type(py::dtype::of<float>(), pcr::DType::kFloat32);
    if (name == "float16") return require_type(py::dtype::of<uint16_t>(), pcr::DType::kFloat16);
    if (name == "bfloat16") return require_type(py::dtype::of<uint16_t>(), pcr::DType::kBfloat16);
    throw py::value_error("dtype must be 'uint8', 'float32', 'float16' or 'bfloat16', found '" +
                          name + "'");
}

pcr::OutputSpec describe_output(py::array& out, const std::string& dtype, const std::string& layout,
                                const std::array<float, 3>& mean,
                                const std::array<float, 3>& stddev, py::ssize_t images) {
    pcr::OutputSpec spec;
    spec.dtype = parse_dtype(dtype, out);
    spec.layout = parse_layout(layout);
    const bool nchw = spec.layout == pcr::Layout::kNCHW;
    require(out.ndim() == 4 && out.shape(0) >= images && out.shape(nchw ? 1 : 3) == 3,
            "out has shape " + shape_text(out) + ", expected " +
                (nchw ? "(N, 3, H, W)" : "(N, H, W, 3)") + " with N at least " +
                std::to_string(images));
    require((out.flags() & py::array::c_style) != 0, "out must be C-contiguous");
    spec.height = static_cast<uint32_t>(out.shape(nchw ? 2 : 1));
    spec.width = static_cast<uint32_t>(out.shape(nchw ? 3 : 2));
    spec.data = out.mutable_data();
    spec.mean = mean;
    spec.stddev = stddev;
    for (float value : stddev) require(value != 0, "std must not be 0");
    return spec;
}

/// The images of a batch: each buffer, or the span (buffer, first byte, end) of one.
std::vector<pcr::ByteSpan> collect_jpegs(const std::vector<pcr::ByteSpan>& buffers,
                                         const std::optional<Array<int64_t>>& spans) {
    if (!spans) return buffers;
    require(spans->ndim() == 2 && spans->shape(1) == 3,
            "spans has shape " + shape_text(*spans) + ", expected (N, 3)");
    const auto places = spans->unchecked<2>();
    std::vector<pcr::ByteSpan> jpegs(static_cast<size_t>(places.shape(0)));
    for (py::ssize_t i = 0; i < places.shape(0); ++i) {
        const auto buffer = static_cast<size_t>(places(i, 0));  // huge, where it is negative
        const auto begin = static_cast<size_t>(places(i, 1));
        const auto end = static_cast<size_t>(places(i, 2));
        require(buffer < buffers.size() && begin <= end && end <= buffers[buffer].size,
                "span " + std::to_string(i) + " is not inside a buffer");
        jpegs[static_cast<size_t>(i)] = buffers[buffer].subspan(begin, end - begin);
    }
    return jpegs;
}

std::vector<pcr::BatchItem> collect_items(const std::vector<pcr::ByteSpan>& jpegs,
                                          const std::optional<Array<uint8_t>>& orientations,
                                          const std::optional<Array<float>>& boxes,
                                          const std::optional<Array<bool>>& flips) {
    const auto n = static_cast<py::ssize_t>(jpegs.size());
    const auto require_rows = [&](const py::array& array, const char* name) {
        require(array.ndim() == 1 && array.shape(0) == n, std::string(name) + " has shape " +
                                                              shape_text(array) + ", expected (" +
                                                              std::to_string(n) + ",)");
    };
    if (orientations) require_rows(*orientations, "orientations");
    if (flips) require_rows(*flips, "flips");
    require(!boxes || (boxes->ndim() == 2 && boxes->shape(0) == n && boxes->shape(1) == 4),
            "boxes must have shape (" + std::to_string(n) + ", 4)");
    std::vector<pcr::BatchItem> items(jpegs.size());
    for (py::ssize_t i = 0; i < n; ++i) {
        pcr::BatchItem& item = items[static_cast<size_t>(i)];
        item.jpeg = jpegs[static_cast<size_t>(i)];
        if (orientations) item.orientation = orientations->at(i);
        if (boxes) {
            item.box = pcr::Box{boxes->at(i, 0), boxes->at(i, 1), boxes->at(i, 2), boxes->at(i, 3)};
        }
        if (flips) item.flip = flips->at(i);
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

std::unique_ptr<Job> begin(pcr::DecodePool& pool, const py::sequence& jpegs, py::array out,
                           const std::optional<Array<int64_t>>& spans,
                           const std::optional<Array<uint8_t>>& orientations,
                           const std::optional<Array<float>>& boxes,
                           const std::optional<Array<bool>>& flips, const std::string& dtype,
                           const std::string& layout, const std::array<float, 3>& mean,
                           const std::array<float, 3>& stddev, const std::string& decoder,
                           bool block_smoothing, float oversampling, bool resize_first,
                           int64_t max_pixels) {
    auto views = std::make_unique<BufferViews>(jpegs);
    auto items = collect_items(collect_jpegs(views->spans(), spans), orientations, boxes, flips);
    const auto output =
        describe_output(out, dtype, layout, mean, stddev, static_cast<py::ssize_t>(items.size()));
    const pcr::DecodeOptions options{to_codec("decoder", decoder), block_smoothing, oversampling,
                                     max_pixels, resize_first};
    pcr::DecodeJob job = pool.begin(std::move(items), output, options);
    return std::make_unique<Job>(std::move(views), std::move(out), std::move(job));
}

std::map<std::string, double> stage_seconds(const pcr::DecodePool& pool) {
    const pcr::StageSeconds seconds = pool.stage_seconds();
    return {{"entropy", seconds.entropy},
            {"transform", seconds.transform},
            {"resample", seconds.resample}};
}

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
py::array picture_sizes(const py::sequence& buffers, const std::optional<Array<int64_t>>& spans) {
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

    py::class_<pcr::DecodePool>(m, "DecodePool",
                                "Threads that decode batches of JPEGs into arrays.")
        .def(py::init<int>(), py::arg("num_threads"))
        .def("stage_seconds", &stage_seconds,
             "Seconds of all images so far, summed over threads: entropy (headers and scans; all "
             "of decoding by libjpeg), transform (IDCT, upsampling, colour), resample.")
        .def(
            "begin", &begin, py::arg("jpegs"), py::arg("out").noconvert(), py::kw_only(),
            py::arg("spans").noconvert() = py::none(),
            py::arg("orientations").noconvert() = py::none(),
            py::arg("boxes").noconvert() = py::none(), py::arg("flips").noconvert() = py::none(),
            py::arg("dtype") = "float32", py::arg("layout") = "NCHW",
            py::arg("mean") = std::array<float, 3>{0, 0, 0},
            py::arg("std") = std::array<float, 3>{1, 1, 1}, py::arg("decoder") = "native",
            py::arg("block_smoothing") = false, py::arg("oversampling") = 1.0f,
            py::arg("resize_first") = false, py::arg("max_pixels") = pcr::kMaxPixels,
            R"(Begin to decode, crop, resize, flip and normalise n JPEGs into `out`, after what was begun before.

jpegs: buffers of bytes, none copied: n JPEGs, or what spans refers to, int64 (n, 3): of each JPEG
the number of its buffer, its first byte there, and the byte after its last one. out: (N, 3, H, W) or (N, H, W, 3) with N >= n, C-contiguous;
uint8 or float32, or uint16 that receives the bit patterns of float16 or bfloat16, as `dtype` says.
orientations: uint8 (n,), EXIF 1 … 8. boxes: float32 (n, 4), crops as x0, y0, width, height in pixels
of the oriented image; None: whole images. flips: bool (n,), horizontal, after the crop. Values are
(v - mean) / std, all in 0 … 255; uint8 output is v itself, rounded.
decoder: 'native' (falls back to libjpeg for damaged streams) or 'libjpeg'. block_smoothing:
interpolate components of which there is only DC (native), or guess missing coefficients (libjpeg).
oversampling: decode at 1/2, 1/4 or 1/8 while the reduced crop is at least this many
times the output in both directions; at least 1; infinity: always at full size. resize_first: as if
the whole image was resized and the box cut out of the result, not the box cut out and then resized;
the two differ at the border.

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
        "zeros where no frame header is found. spans: as for DecodePool.begin.");
}
