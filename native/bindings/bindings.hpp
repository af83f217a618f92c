// One function for each file of bindings.
#pragma once

#include <pybind11/pybind11.h>

/// Each function adds one file's bindings to the module.
void bind_decode(pybind11::module_& module);
void bind_jpeg(pybind11::module_& module);
void bind_msssim(pybind11::module_& module);
void bind_random_numbers(pybind11::module_& module);
void bind_record(pybind11::module_& module);
void bind_test_support(pybind11::module_& module);
