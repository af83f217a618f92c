// How this project calls libjpeg: its errors and its output.
#pragma once

#include <csetjmp>

// clang-format off: jpeglib.h needs what stdio.h declares
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include "pcr/bytes.hpp"

namespace pcr {

enum class JpegWarnings {
    kIgnored,  // libjpeg patches damaged data up: for decoding
    kErrors    // for what must be lossless
};

/// libjpeg's error handler for every use of it. Errors leave the library through longjmp, never
/// through an exception, because its C frames can't unwind.
struct JpegErrors : jpeg_error_mgr {
    explicit JpegErrors(JpegWarnings warnings);

    /// Runs `work`, which calls libjpeg, and throws FormatError with libjpeg's words, or
    /// std::bad_alloc, for the error that it escaped with. `work` must own nothing while it is in
    /// libjpeg: its destructors would be skipped.
    template <typename Work>
    void run(Work work) {
        if (setjmp(escape) != 0) raise();
        work();
    }

    jmp_buf escape;
    char text[JMSG_LENGTH_MAX];

  private:
    [[noreturn]] void raise() const;
};

/// Leaves libjpeg, from within a callback, with an error of our own.
[[noreturn]] void escape_with(j_common_ptr info, const char* text);

/// Something that libjpeg keeps its memory in, released whatever happens.
struct JpegDecompressor : jpeg_decompress_struct {
    explicit JpegDecompressor(JpegErrors& errors) : jpeg_decompress_struct{} { err = &errors; }
    ~JpegDecompressor() { jpeg_destroy_decompress(this); }
    JpegDecompressor(const JpegDecompressor&) = delete;
    JpegDecompressor& operator=(const JpegDecompressor&) = delete;
};

struct JpegCompressor : jpeg_compress_struct {
    explicit JpegCompressor(JpegErrors& errors) : jpeg_compress_struct{} { err = &errors; }
    ~JpegCompressor() { jpeg_destroy_compress(this); }
    JpegCompressor(const JpegCompressor&) = delete;
    JpegCompressor& operator=(const JpegCompressor&) = delete;
};

/// libjpeg destination: a malloc'd buffer that grows, freed by its owner whatever happens.
struct JpegDestination : jpeg_destination_mgr {
    explicit JpegDestination(size_t initial_capacity);

    /// The finished JPEG, in a buffer of its size.
    Bytes release();

    Bytes buffer;
};

}  // namespace pcr
