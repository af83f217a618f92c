// Bindings of what only tests ask for, in a module of its own: pcr._native.test_support.

#include "pcr/test_support.hpp"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "arguments.hpp"
#include "bindings.hpp"
#include "buffers.hpp"
#include "pcr/limits.hpp"

namespace py = pybind11;

namespace {

std::vector<py::array> coefficients(const py::object& jpeg, const std::string& decoder,
                                    int64_t max_pixels) {
    const BufferView view(jpeg);
    const pcr::Codec codec = to_codec("decoder", decoder);
    std::vector<pcr::ComponentCoefficients> components;
    {
        py::gil_scoped_release release;
        components = pcr::read_coefficients(view.span(), codec, max_pixels);
    }
    std::vector<py::array> arrays;
    for (pcr::ComponentCoefficients& c : components) {
        arrays.push_back(
            to_array(std::move(c.values), {c.height_in_blocks, c.width_in_blocks, 8, 8}));
    }
    return arrays;
}

bool decodes_natively(const py::object& jpeg, int64_t max_pixels) {
    const BufferView view(jpeg);
    py::gil_scoped_release release;
    return pcr::decodes_natively(view.span(), max_pixels);
}

}  // namespace

void bind_test_support(py::module_& module) {
    py::module_ m = module.def_submodule("test_support", "What only tests ask for.");
    m.def("coefficients", &coefficients, py::arg("jpeg"), py::arg("decoder") = "native",
          py::arg("max_pixels") = pcr::kMaxPixels,
          "Quantised coefficients: for each component int16 (block rows, block columns, 8, 8).\n\n"
          "Raises FormatError.");
    m.def("decodes_natively", &decodes_natively, py::arg("jpeg"),
          py::arg("max_pixels") = pcr::kMaxPixels,
          "Whether decoder='native' decodes this JPEG without falling back to libjpeg.");
}
