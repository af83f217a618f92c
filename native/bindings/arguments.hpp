// Arguments that several bindings share.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "pcr/codec.hpp"

inline pcr::Codec to_codec(const std::string& parameter, const std::string& name) {
    if (name == "native") return pcr::Codec::kNative;
    if (name == "libjpeg") return pcr::Codec::kLibjpeg;
    throw pybind11::value_error(parameter + " must be 'native' or 'libjpeg', found '" + name + "'");
}
