// Bindings of split, transcode, header and pack: see pcr/jpeg.py for the public API.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "bindings.hpp"
#include "buffers.hpp"
#include "pcr/header.hpp"
#include "pcr/scan_group.hpp"
#include "pcr/split.hpp"
#include "pcr/transcode.hpp"

namespace py = pybind11;

namespace {

using Int32Rows = py::array_t<int32_t, py::array::c_style>;

pcr::ScanScript to_script(const py::handle& rows) {
    if (!py::isinstance<Int32Rows>(rows)) {
        throw py::type_error("scan script: expected a C-contiguous int32 array");
    }
    const auto array = py::reinterpret_borrow<Int32Rows>(rows);
    if (array.ndim() != 2 || array.shape(1) != 9) {
        throw py::value_error("scan script: expected rows of 9 numbers");
    }
    pcr::ScanScript script;
    for (py::ssize_t i = 0; i < array.shape(0); ++i) {
        const int32_t* row = array.data(i, 0);
        script.push_back(
            {row[0], {row[1], row[2], row[3], row[4]}, row[5], row[6], row[7], row[8]});
    }
    return script;
}

pcr::ScanScripts to_scripts(const py::dict& scripts) {
    pcr::ScanScripts result;
    for (const auto& [components, rows] : scripts) {
        result[components.cast<int32_t>()] = to_script(rows);
    }
    return result;
}

pcr::CopyMarkers to_copy_markers(const std::string& name) {
    if (name == "none") return pcr::CopyMarkers::kNone;
    if (name == "exif") return pcr::CopyMarkers::kExif;
    if (name == "all") return pcr::CopyMarkers::kAll;
    throw py::value_error("copy_markers must be 'none', 'exif' or 'all', found '" + name + "'");
}

uint32_t to_restart_rows(int64_t rows) {
    if (0 <= rows && rows <= 0xFFFF) return static_cast<uint32_t>(rows);
    throw py::value_error("restart_rows must be 0 to 65535, found " + std::to_string(rows));
}

py::array_t<int64_t> split(const py::object& source) {
    const BufferView jpeg(source);
    std::vector<int64_t> borders;
    {
        py::gil_scoped_release release;
        borders = pcr::split(jpeg.span());
    }
    return to_array(std::move(borders));
}

/// The JPEG, the borders of its scans and the header of its source.
py::tuple transcode(const py::object& source, const py::dict& scripts,
                    const std::string& copy_markers, int64_t max_pixels, const std::string& coder,
                    int64_t restart_rows) {
    const BufferView jpeg(source);
    const pcr::ScanScripts native_scripts = to_scripts(scripts);
    pcr::TranscodeOptions options;
    options.copy_markers = to_copy_markers(copy_markers);
    options.max_pixels = max_pixels;
    options.coder = to_codec("coder", coder);
    options.restart_rows = to_restart_rows(restart_rows);
    pcr::Transcoded result;
    {
        py::gil_scoped_release release;
        result = pcr::transcode(jpeg.span(), native_scripts, options);
    }
    return py::make_tuple(to_array(std::move(result.jpeg)), to_array(std::move(result.borders)),
                          result.source);
}

pcr::Header header(const py::object& source) {
    const BufferView jpeg(source);
    py::gil_scoped_release release;
    return pcr::read_header(jpeg.span());
}

py::bytes pack(const py::sequence& buffers) {
    const BufferViews parts(buffers);
    const auto size = static_cast<py::ssize_t>(pcr::packed_size(parts.spans()));
    auto message = py::reinterpret_steal<py::bytes>(PyBytes_FromStringAndSize(nullptr, size));
    if (!message) throw py::error_already_set();
    auto* output = reinterpret_cast<uint8_t*>(PyBytes_AS_STRING(message.ptr()));
    {
        py::gil_scoped_release release;
        pcr::pack(parts.spans(), output);
    }
    return message;
}

}  // namespace

void bind_jpeg(py::module_& module) {
    py::enum_<pcr::ColorSpace>(module, "ColorSpace")
        .value("unknown", pcr::ColorSpace::kUnknown)
        .value("grayscale", pcr::ColorSpace::kGrayscale)
        .value("ycbcr", pcr::ColorSpace::kYCbCr)
        .value("rgb", pcr::ColorSpace::kRGB)
        .value("cmyk", pcr::ColorSpace::kCMYK)
        .value("ycck", pcr::ColorSpace::kYCCK);
    py::class_<pcr::Header>(module, "Header")
        .def_readonly("width", &pcr::Header::width)
        .def_readonly("height", &pcr::Header::height)
        .def_readonly("components", &pcr::Header::components)
        .def_readonly("precision", &pcr::Header::precision)
        .def_readonly("progressive", &pcr::Header::progressive)
        .def_readonly("arithmetic", &pcr::Header::arithmetic)
        .def_readonly("color_space", &pcr::Header::color_space)
        .def_readonly("adobe_transform", &pcr::Header::adobe_transform)
        .def_readonly("orientation", &pcr::Header::orientation);
    module.def("header", &header, py::arg("jpeg"));
    module.def("split", &split, py::arg("jpeg"));
    module.def("transcode", &transcode, py::arg("jpeg"), py::arg("scripts"),
               py::arg("copy_markers"), py::arg("max_pixels"), py::arg("coder"),
               py::arg("restart_rows"));
    module.def("pack", &pack, py::arg("parts"));
}
