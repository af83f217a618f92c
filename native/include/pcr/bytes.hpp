#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace pcr {

/// Bytes that someone else owns.
struct ByteSpan {
    const std::uint8_t* data = nullptr;
    std::size_t size = 0;

    ByteSpan subspan(std::size_t offset, std::size_t count) const { return {data + offset, count}; }
};

struct FreeDeleter {
    void operator()(std::uint8_t* pointer) const { std::free(pointer); }
};

/// An owned buffer from malloc: never filled with zeros, and given away without a copy.
struct Bytes {
    std::unique_ptr<std::uint8_t[], FreeDeleter> data;
    std::size_t size = 0;

    static Bytes uninitialised(std::size_t size) {
        auto* memory = static_cast<std::uint8_t*>(std::malloc(size > 0 ? size : 1));
        if (memory == nullptr) {
            throw std::bad_alloc();
        }
        Bytes bytes;
        bytes.data.reset(memory);
        bytes.size = size;
        return bytes;
    }

    ByteSpan span() const { return {data.get(), size}; }
};

}  // namespace pcr
