#include "decode/thread_pool.hpp"

#include <stdexcept>

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
    started_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::run(const std::function<void(int)>& work) {
    std::lock_guard<std::mutex> turn(turn_);
    std::unique_lock<std::mutex> lock(mutex_);
    work_ = &work;
    running_ = size();
    ++generation_;
    started_.notify_all();
    finished_.wait(lock, [this] { return running_ == 0; });
    work_ = nullptr;
}

void ThreadPool::loop(int number) {
    size_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
        started_.wait(lock, [&] { return stopping_ || generation_ != seen; });
        if (stopping_) return;
        seen = generation_;
        const std::function<void(int)>& work = *work_;
        lock.unlock();
        work(number);
        lock.lock();
        if (--running_ == 0) finished_.notify_one();
    }
}

}  // namespace pcr
