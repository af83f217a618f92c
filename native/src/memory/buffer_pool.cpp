#include "pcr/buffer_pool.hpp"

#include <algorithm>
#include <mutex>
#include <new>
#include <vector>

#include "pcr/limits.hpp"

namespace pcr {
namespace {

struct Block {
    uint8_t* memory;
    size_t capacity;
};

/// Whoever finds the pool locked goes to the system instead of waiting: a process forked while
/// another thread held the lock would wait forever.
class BufferPool {
  public:
    BufferPool() { free_.reserve(kMaxBlocks + 1); }  // so that returning a block allocates nothing

    /// A free block that is large enough and at most half empty, or a new one.
    Block take(size_t size) {
        const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
        const auto fits = [size](const Block& block) {
            return block.capacity >= size && block.capacity / 2 <= size;
        };
        if (lock) {
            const auto found = std::find_if(free_.begin(), free_.end(), fits);
            if (found != free_.end()) {
                const Block block = *found;
                free_.erase(found);
                free_bytes_ -= block.capacity;
                return block;
            }
        }
        return {Bytes::uninitialised(size).data.release(), size};
    }

    /// Keeps the block, and frees the oldest ones beyond the limits.
    void give_back(Block block) noexcept {
        const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
        if (!lock) {
            std::free(block.memory);
            return;
        }
        free_.push_back(block);
        free_bytes_ += block.capacity;
        while (free_bytes_ > kMaxPooledBytes || free_.size() > kMaxBlocks) {
            free_bytes_ -= free_.front().capacity;
            std::free(free_.front().memory);
            free_.erase(free_.begin());
        }
    }

  private:
    static constexpr size_t kMaxBlocks = 64;

    std::mutex mutex_;
    std::vector<Block> free_;  // the oldest first
    size_t free_bytes_ = 0;
};

/// Never destroyed: arrays that hold its memory may outlive every static object. Made before there
/// are threads: a child could be forked while one of them made it.
BufferPool& pool = *new BufferPool;

}  // namespace

void PoolDeleter::operator()(uint8_t* memory) const { pool.give_back({memory, capacity}); }

PooledBytes take_from_pool(size_t size) {
    const Block block = pool.take(size);
    return {{block.memory, PoolDeleter{block.capacity}}, size};
}

}  // namespace pcr
