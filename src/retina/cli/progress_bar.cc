#include "retina/cli/progress_bar.h"

#include <fmt/format.h>

namespace retina::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kQuietStart = 2s;
constexpr auto kTerminalInterval = 200ms;
constexpr auto kPlainInterval = 10s;

/// "3 min 0 s of 1 h 0 min": at one second a second no rate tells anything.
std::string time_text(const JobState& state) {
  return fmt::format("{} of {}", format_seconds(static_cast<double>(state.done)),
                     format_seconds(static_cast<double>(state.total)));
}

/// "412/1113 windows, 8.2 windows/s, 1 min 25 s left".
std::string amount_text(const JobState& state) {
  std::string text = state.total > 0 ? fmt::format("{}/{} {}", state.done, state.total, state.unit)
                                     : fmt::format("{} {}", state.done, state.unit);
  const std::int64_t since = state.done - state.done_before;
  if (since > 0 && state.seconds > 0) {
    const double rate = static_cast<double>(since) / state.seconds;
    text += rate >= 0.1 ? fmt::format(", {:.3g} {}/s", rate, state.unit)
                        : fmt::format(", {:.3g} s each", 1 / rate);
    if (state.total > state.done) {
      text += ", " + format_seconds(static_cast<double>(state.total - state.done) / rate) + " left";
    }
  }
  return text;
}

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

std::string progress_line(const std::string& job, const JobState& state, const std::string& note) {
  std::string line = job + " ";
  if (state.total > 0) {
    line += fmt::format("{:3d}% ", 100 * state.done / state.total);
  }
  line += state.unit == core::kSecondsUnit ? time_text(state) : amount_text(state);
  return note.empty() ? line : line + ", " + note;
}

ProgressBar::ProgressBar(std::FILE* stream, bool is_terminal)
    : stream_(stream), is_terminal_(is_terminal) {}

ProgressBar::~ProgressBar() {
  end();
}

void ProgressBar::begin(std::string_view job, std::int64_t total, std::string_view unit,
                        std::int64_t done) {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  jobs_.push_back(
      {.name = std::string(job),
       .state = {.unit = std::string(unit), .total = total, .done_before = done, .done = done},
       .start = now,
       .last = now});
}

void ProgressBar::update(std::int64_t done, std::string_view note) {
  const std::lock_guard lock(mutex_);
  if (jobs_.empty()) {
    return;
  }
  Job& job = jobs_.back();
  job.state.done = done;
  job.note = note;
  const Clock::time_point now = Clock::now();
  const auto interval =
      is_terminal_ ? Clock::duration(kTerminalInterval) : Clock::duration(kPlainInterval);
  if (now - job.start >= kQuietStart && (now - job.last >= interval || !job.drawn)) {
    draw(job, now);
  }
}

void ProgressBar::draw(Job& job, Clock::time_point now) {
  job.state.seconds = std::chrono::duration<double>(now - job.start).count();
  const std::string line = progress_line(job.name, job.state, job.note);
  // \r and "erase to the end" redraw the line in place
  std::fputs((is_terminal_ ? "\r" + line + "\x1b[K" : line + "\n").c_str(), stream_);
  std::fflush(stream_);
  job.last = now;
  job.drawn = true;
}

void ProgressBar::end() {
  const std::lock_guard lock(mutex_);
  if (jobs_.empty()) {
    return;
  }
  if (jobs_.back().drawn) {
    draw(jobs_.back(), Clock::now());
    if (is_terminal_) {
      std::fputs("\n", stream_);
    }
  }
  jobs_.pop_back();
}

}  // namespace retina::cli
