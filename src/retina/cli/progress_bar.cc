#include "retina/cli/progress_bar.h"

#include <fmt/format.h>

namespace retina::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kQuietStart = 2s;
constexpr auto kTerminalInterval = 200ms;
constexpr auto kPlainInterval = 10s;

}  // namespace

std::string format_seconds(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds);
  if (whole >= 3600) {
    return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
  }
  if (whole >= 60) {
    return fmt::format("{} min {} s", whole / 60, whole % 60);
  }
  return fmt::format("{} s", whole);
}

std::string progress_line(const std::string& job, std::int64_t done, std::int64_t total,
                          const std::string& unit, double seconds, const std::string& note) {
  std::string line = job + " ";
  if (total > 0) {
    line += fmt::format("{:3d}% {}/{} {}", 100 * done / total, done, total, unit);
  } else {
    line += fmt::format("{} {}", done, unit);
  }
  if (done > 0 && seconds > 0) {
    const double rate = static_cast<double>(done) / seconds;
    line += rate >= 0.1 ? fmt::format(", {:.3g} {}/s", rate, unit)
                        : fmt::format(", {:.3g} s each", 1 / rate);
    if (total > done) {
      line += ", " + format_seconds(static_cast<double>(total - done) / rate) + " left";
    }
  }
  return note.empty() ? line : line + ", " + note;
}

ProgressBar::ProgressBar(std::FILE* stream, bool is_terminal)
    : stream_(stream), is_terminal_(is_terminal) {}

ProgressBar::~ProgressBar() {
  end();
}

void ProgressBar::begin(std::string_view job, std::int64_t total, std::string_view unit) {
  const std::lock_guard lock(mutex_);
  job_ = job;
  unit_ = unit;
  total_ = total;
  done_ = 0;
  note_.clear();
  drawn_ = false;
  start_ = last_ = Clock::now();
}

void ProgressBar::update(std::int64_t done, std::string_view note) {
  const std::lock_guard lock(mutex_);
  done_ = done;
  note_ = note;
  const Clock::time_point now = Clock::now();
  const auto interval =
      is_terminal_ ? Clock::duration(kTerminalInterval) : Clock::duration(kPlainInterval);
  if (now - start_ >= kQuietStart && (now - last_ >= interval || !drawn_)) {
    draw(now);
  }
}

void ProgressBar::draw(Clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const std::string line = progress_line(job_, done_, total_, unit_, seconds, note_);
  // \r and "erase to the end" redraw the line in place
  std::fputs((is_terminal_ ? "\r" + line + "\x1b[K" : line + "\n").c_str(), stream_);
  std::fflush(stream_);
  last_ = now;
  drawn_ = true;
}

void ProgressBar::end() {
  const std::lock_guard lock(mutex_);
  if (drawn_) {
    draw(Clock::now());
    if (is_terminal_) {
      std::fputs("\n", stream_);
    }
  }
  drawn_ = false;
}

}  // namespace retina::cli
