#pragma once

#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>
#include <vector>

#include "retina/core/progress.h"

namespace retina::cli {

/// Draws progress on a stream: one living line on a terminal, a plain line every 10 seconds
/// elsewhere. Jobs shorter than two seconds stay silent. A job that begins within another is shown
/// until it ends.
class ProgressBar final : public core::Progress {
 public:
  ProgressBar(std::FILE* stream, bool is_terminal);
  ~ProgressBar() override;
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void begin(std::string_view job, std::int64_t total, std::string_view unit) override;
  void update(std::int64_t done, std::string_view note) override;
  void end() override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Job {
    std::string name;
    std::string unit;
    std::string note = {};
    std::int64_t total = 0;
    std::int64_t done = 0;
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

/// "predict  37% 412/1113 windows, 8.2 windows/s, 1 min 25 s left, note"
std::string progress_line(const std::string& job, std::int64_t done, std::int64_t total,
                          const std::string& unit, double seconds, const std::string& note);

/// 95.2 -> "1 min 35 s"
std::string format_seconds(double seconds);

}  // namespace retina::cli
