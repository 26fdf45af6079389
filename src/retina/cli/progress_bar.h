#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <vector>

#include "retina/core/progress.h"

namespace retina::cli {

/// How far a job is, in its units.
struct JobState {
  std::string unit;
  std::int64_t total = 0;        ///< 0 = not known
  std::int64_t done_before = 0;  ///< of `done`: not in these `seconds`
  std::int64_t done = 0;
  double seconds = 0;  ///< since its begin
};

/// Draws progress on a stream: one living line on a terminal, a plain line every 10 seconds
/// elsewhere. Jobs shorter than two seconds stay silent. A job that begins within another is shown
/// until it ends.
class ProgressBar final : public core::Progress {
 public:
  ProgressBar(std::FILE* stream, bool is_terminal);
  ~ProgressBar() override;
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void begin(std::string_view job, std::int64_t total, std::string_view unit,
             std::int64_t done) override;
  void update(std::int64_t done, std::string_view note) override;
  void end() override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Job {
    std::string name;
    JobState state;
    std::string note = {};
    bool drawn = false;
    Clock::time_point start;
    Clock::time_point last;
  };
  void draw(Job& job, Clock::time_point now);

  std::FILE* stream_;
  bool is_terminal_;
  std::mutex mutex_;
  std::vector<Job> jobs_;  ///< the innermost last
};

/// "predict  37% 412/1113 windows, 8.2 windows/s, 1 min 25 s left, note"; of a job that is limited
/// by its time "training   5% 3 min 0 s of 1 h 0 min, note".
std::string progress_line(const std::string& job, const JobState& state, const std::string& note);

/// 95.2 -> "1 min 35 s"
std::string format_seconds(double seconds);

}  // namespace retina::cli
