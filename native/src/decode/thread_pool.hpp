// Threads that run numbered tasks; owned by whoever makes the pool, joined on destruction.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace pcr {

class ThreadPool {
  public:
    explicit ThreadPool(int num_threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    int size() const { return static_cast<int>(threads_.size()); }

    /// Calls `work(thread number)` once on every thread and waits for all of them. `work` must not
    /// throw.
    void run(const std::function<void(int)>& work);

  private:
    void loop(int number);
    void stop();

    std::mutex turn_;  // one run at a time
    std::mutex mutex_;
    std::condition_variable started_;
    std::condition_variable finished_;
    const std::function<void(int)>* work_ = nullptr;
    size_t generation_ = 0;
    int running_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace pcr
