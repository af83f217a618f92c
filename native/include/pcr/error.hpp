#pragma once

#include <stdexcept>
#include <string>

namespace pcr {

/// The one exception of the native code: input that is not what its format says.
class FormatError : public std::runtime_error {
  public:
    explicit FormatError(const std::string& message) : std::runtime_error(message) {}
};

}  // namespace pcr
