// How long a stage of decoding took.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace pcr {

/// The time that one thread spent in a stage, which others may read meanwhile. Two readings of the
/// clock cost about 50 ns, so it always runs.
class StageClock {
  public:
    double seconds() const { return 1e-9 * static_cast<double>(nanoseconds_.load()); }

    /// What `work` returns; its time is added.
    template <typename Function>
    auto time(const Function& work) {
        const Timed timed{*this, Clock::now()};
        return work();
    }

  private:
    using Clock = std::chrono::steady_clock;

    struct Timed {
        StageClock& clock;
        Clock::time_point begun;
        ~Timed() {
            const std::chrono::nanoseconds elapsed = Clock::now() - begun;
            clock.nanoseconds_.fetch_add(elapsed.count(), std::memory_order_relaxed);
        }
    };

    std::atomic<int64_t> nanoseconds_{0};
};

struct StageClocks {
    StageClock entropy;
    StageClock transform;
    StageClock resample;
};

}  // namespace pcr
