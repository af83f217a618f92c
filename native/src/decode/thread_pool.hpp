// Threads that do pieces of work; owned by whoever makes the pool, joined on destruction.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace pcr {

/// What threads do together, piece by piece.
class Work {
  public:
    virtual ~Work() = default;

    /// Does one piece on the thread of that number; false where there is none left to begin. Must
    /// not throw.
    virtual bool do_next(int thread) = 0;
};

class ThreadPool {
  public:
    explicit ThreadPool(int num_threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    /// Lets the threads do this after what was added before: one that finds nothing left to begin
    /// goes on to the next, while others still finish.
    void add(std::shared_ptr<Work> work);

  private:
    void loop(int number);
    void stop();

    std::mutex mutex_;
    std::condition_variable added_;
    std::deque<std::shared_ptr<Work>> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace pcr
