// Arguments that several bindings share.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>

#include "pcr/codec.hpp"

template <typename T>
using Array = pybind11::array_t<T, pybind11::array::c_style>;

inline std::string shape_text(const pybind11::array& array) {
    return pybind11::str(array.attr("shape")).cast<std::string>();
}

/// Messages that are put together are not for here: that takes longer than what follows.
inline void require(bool condition, const char* message) {
    if (!condition) throw pybind11::value_error(message);
}

inline pcr::Codec to_codec(const std::string& parameter, const std::string& name) {
    if (name == "native") return pcr::Codec::kNative;
    if (name == "libjpeg") return pcr::Codec::kLibjpeg;
    throw pybind11::value_error(parameter + " must be 'native' or 'libjpeg', found '" + name + "'");
}
