#pragma once

#include <csetjmp>

// clang-format off: jpeglib.h needs what stdio.h declares
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include "pcr/bytes.hpp"

namespace pcr {

/// libjpeg's error handler that leaves the library through longjmp, never through an exception (its
/// C frames can't unwind). Use: `if (setjmp(errors.escape)) …`, then only C calls and trivially
/// destructible locals until the last libjpeg call returned, then raise().
struct JpegErrors : jpeg_error_mgr {
    jmp_buf escape;
    char text[JMSG_LENGTH_MAX];

    JpegErrors();

    /// Throws what the last escape was for: std::bad_alloc or FormatError with libjpeg's words.
    [[noreturn]] void raise() const;
};

/// libjpeg destination: a malloc'd buffer that grows, freed by its owner whatever happens.
struct JpegDestination : jpeg_destination_mgr {
    Bytes buffer;

    explicit JpegDestination(size_t initial_capacity);

    /// The finished JPEG, in a buffer of its size.
    Bytes release();
};

}  // namespace pcr
