// Runs of bytes: a view of someone else's, and a buffer of one's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace pcr {

/// Bytes that someone else owns.
struct ByteSpan {
    const uint8_t* data = nullptr;
    size_t size = 0;

    ByteSpan subspan(size_t offset, size_t count) const { return {data + offset, count}; }
    ByteSpan subspan(size_t offset) const { return {data + offset, size - offset}; }
};

/// A number of two bytes, the high one first, as JPEGs hold them.
inline uint32_t read_u16(const uint8_t* bytes) { return uint32_t{bytes[0]} << 8 | bytes[1]; }

struct FreeDeleter {
    void operator()(uint8_t* pointer) const { std::free(pointer); }
};

/// An owned buffer from malloc: never filled with zeros, and given away without a copy.
struct Bytes {
    std::unique_ptr<uint8_t[], FreeDeleter> data;
    size_t size = 0;

    static Bytes uninitialised(size_t size) {
        auto* memory = static_cast<uint8_t*>(std::malloc(size > 0 ? size : 1));
        if (memory == nullptr) throw std::bad_alloc();
        Bytes bytes;
        bytes.data.reset(memory);
        bytes.size = size;
        return bytes;
    }

    ByteSpan span() const { return {data.get(), size}; }
};

}  // namespace pcr
