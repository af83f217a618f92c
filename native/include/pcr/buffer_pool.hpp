// Large buffers that are used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "pcr/bytes.hpp"

namespace pcr {

/// Takes memory back into the pool.
struct PoolDeleter {
    size_t capacity = 0;
    void operator()(uint8_t* memory) const;
};

/// An owned, uninitialised buffer from the pool.
struct PooledBytes {
    std::unique_ptr<uint8_t[], PoolDeleter> data;
    size_t size = 0;

    ByteSpan span() const { return {data.get(), size}; }
};

/// Hands out large buffers whose pages have been touched before where it can: in freshly allocated
/// memory the kernel's page faults cost twice as much as the copy into it. Safe from all threads.
PooledBytes take_from_pool(size_t size);

}  // namespace pcr
