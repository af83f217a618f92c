#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "pcr/bytes.hpp"

namespace pcr {

/// Takes memory back into the pool.
struct PoolDeleter {
    std::size_t capacity = 0;
    void operator()(std::uint8_t* memory) const;
};

/// An owned, uninitialised buffer from the pool.
struct PooledBytes {
    std::unique_ptr<std::uint8_t[], PoolDeleter> data;
    std::size_t size = 0;

    ByteSpan span() const { return {data.get(), size}; }
};

/// Free memory that the pool keeps for the next take_from_pool(); what exceeds it goes back to the
/// system.
constexpr std::size_t kMaxPooledBytes = std::size_t{512} << 20;

/// Hands out large buffers whose pages have been touched before where it can: in freshly allocated
/// memory the kernel's page faults cost twice as much as the copy into it. Safe from all threads.
PooledBytes take_from_pool(std::size_t size);

}  // namespace pcr
