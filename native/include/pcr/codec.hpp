// Who codes and decodes: this library or libjpeg-turbo.
#pragma once

namespace pcr {

enum class Codec {
    kNative,  // falls back to libjpeg where a stream is damaged or of a rare kind
    kLibjpeg  // the reference: the same result, more slowly
};

}  // namespace pcr
