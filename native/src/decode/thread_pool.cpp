#include "decode/thread_pool.hpp"

#include <stdexcept>
#include <utility>

namespace pcr {

ThreadPool::ThreadPool(int num_threads) {
    if (num_threads < 1) throw std::invalid_argument("a pool needs at least one thread");
    threads_.reserve(static_cast<size_t>(num_threads));
    try {
        for (int i = 0; i < num_threads; ++i) threads_.emplace_back([this, i] { loop(i); });
    } catch (...) {
        stop();
        throw;
    }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
    {
        std::lock_guard<std::mutex> lock(mutex_);
        stopping_ = true;
    }
    added_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::add(std::shared_ptr<Work> work) {
    {
        std::lock_guard<std::mutex> lock(mutex_);
        queue_.push_back(std::move(work));
    }
    added_.notify_all();
}

void ThreadPool::loop(int number) {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
        added_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (stopping_) return;
        const std::shared_ptr<Work> work = queue_.front();
        lock.unlock();
        while (work->do_next(number)) {
        }
        lock.lock();
        if (!queue_.empty() && queue_.front() == work) queue_.pop_front();
    }
}

}  // namespace pcr
