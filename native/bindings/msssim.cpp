#include "pcr/msssim.hpp"

#include <pybind11/eigen.h>
#include <pybind11/pybind11.h>

#include "bindings.hpp"

namespace py = pybind11;

void bind_msssim(py::module_& module) {
    module.def("ms_ssim", &pcr::ms_ssim, py::arg("a").noconvert(), py::arg("b").noconvert(),
               py::call_guard<py::gil_scoped_release>(),
               "Multi-scale structural similarity of two uint8 arrays [height, width].");
}
