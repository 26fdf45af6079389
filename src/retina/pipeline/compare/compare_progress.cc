#include "retina/pipeline/compare/compare_progress.h"

#include <cmath>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "retina/pipeline/compare/cell_status.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

/// Of a file; the earliest of all times where there is none.
fs::file_time_type time_of(const fs::path& path) {
  std::error_code absent;
  const fs::file_time_type time = fs::last_write_time(path, absent);
  return absent ? fs::file_time_type::min() : time;
}

class NotedProgress final : public core::Progress {
 public:
  NotedProgress(std::shared_ptr<core::Progress> shown, std::string note)
      : shown_(std::move(shown)), note_(std::move(note)) {}
  void begin(std::string_view job, std::int64_t total, std::string_view unit,
             std::int64_t done) override {
    shown_->begin(job, total, unit, done);
  }
  void update(std::int64_t done, std::string_view note) override {
    shown_->update(done, note.empty() ? note_ : fmt::format("{}, {}", note, note_));
  }
  void end() override { shown_->end(); }

 private:
  std::shared_ptr<core::Progress> shown_;
  std::string note_;
};

}  // namespace

GridWatch::GridWatch(const std::vector<Cell>& cells, const CellShare& share) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!share.holds(i)) {
      continue;
    }
    ++cells_;
    if (!is_finished(cells[i])) {
      missing_.push_back({.result = AwaitedFile(cells[i].result_file()),
                          .trained = AwaitedFile(cells[i].trained_file())});
    }
  }
}

GridWatch::AwaitedFile::AwaitedFile(fs::path path)
    : path_(std::move(path)), before_(time_of(path_)) {}

bool GridWatch::AwaitedFile::is_written() const {
  const fs::file_time_type now = time_of(path_);
  return now != fs::file_time_type::min() && now != before_;
}

CompletedCells GridWatch::completed() const {
  CompletedCells cells;
  for (const MissingCell& cell : missing_) {
    if (cell.result.is_written()) {
      ++cells.scored;
      cells.trained += cell.trained.is_written() ? 1 : 0;
    }
  }
  return cells;
}

std::string GridWatch::text() const {
  return fmt::format("{} of {} cells finished", cells_ - missing() + finished(), cells_);
}

std::string GridWatch::time_left() const {
  const std::int64_t done = finished();
  if (done == 0) {
    return "";
  }
  const double each = watch_.seconds() / static_cast<double>(done);
  return fmt::format(", about {} left", rough_time(each * static_cast<double>(missing() - done)));
}

std::string rough_time(double seconds) {
  const auto minutes = static_cast<std::int64_t>(std::llround(seconds / 60));
  if (seconds < 90) {
    return fmt::format("{:.0f} s", seconds);
  }
  return minutes < 60 ? fmt::format("{} min", minutes)
                      : fmt::format("{} h {} min", minutes / 60, minutes % 60);
}

std::shared_ptr<core::Progress> with_note(std::shared_ptr<core::Progress> shown, std::string note) {
  return std::make_shared<NotedProgress>(std::move(shown), std::move(note));
}

}  // namespace retina::pipeline
