// The one exception for input that is not what its format says; Python sees pcr.errors.FormatError.
#pragma once

#include <stdexcept>

namespace pcr {

/// what() says in one line what was expected and what was found.
class FormatError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

}  // namespace pcr
