// The Python border: every bindings/*.cpp converts arguments and releases the GIL, and does nothing
// else.

#include <pybind11/pybind11.h>

#include "bindings.hpp"
#include "pcr/error.hpp"

namespace py = pybind11;

PYBIND11_MODULE(_native, module) {
    module.doc() =
        "Native half of pcr: see pcr/jpeg.py, pcr/quality.py and pcr/loader.py for the public API.";
    // Looked up once at import: errors.py imports nothing, so there is no cycle.
    static const py::object format_error = py::module_::import("pcr.errors").attr("FormatError");
    py::register_exception_translator([](std::exception_ptr error) {
        try {
            if (error) std::rethrow_exception(error);
        } catch (const pcr::FormatError& e) {
            PyErr_SetString(format_error.ptr(), e.what());
        }
    });
    bind_decode(module);
    bind_jpeg(module);
    bind_msssim(module);
    bind_random_numbers(module);
    bind_record(module);
    bind_test_support(module);
}
