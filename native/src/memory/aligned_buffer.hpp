// Uninitialised, 64-byte aligned memory that grows and is reused from image to image.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace pcr {

template <typename T>
class AlignedBuffer {
  public:
    /// Room for `count` elements; earlier contents are lost when it has to grow.
    T* ensure(size_t count) {
        if (count > capacity_) {
            memory_.reset();
            capacity_ = 0;
            const size_t bytes = (count * sizeof(T) + 63) / 64 * 64;
            memory_.reset(static_cast<T*>(std::aligned_alloc(64, bytes)));
            if (!memory_) throw std::bad_alloc();
            capacity_ = count;
        }
        return memory_.get();
    }

    T* data() { return memory_.get(); }
    const T* data() const { return memory_.get(); }
    size_t capacity_bytes() const { return capacity_ * sizeof(T); }

    void release() {
        memory_.reset();
        capacity_ = 0;
    }

  private:
    struct Free {
        void operator()(T* p) const { std::free(p); }
    };
    std::unique_ptr<T[], Free> memory_;
    size_t capacity_ = 0;
};

}  // namespace pcr
