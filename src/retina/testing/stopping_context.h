#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "retina/core/progress.h"

namespace retina::testing {

/// One report of a long job.
struct Reported {
  enum class What { begin, update, end };
  What what;
  std::string_view job;   ///< as begin() named it last
  std::int64_t done = 0;  ///< units, of an update

  bool is_update() const { return what == What::update; }
};

/// Says whether a report is the one to stop at.
using StopWhen = std::function<bool(const Reported&)>;

/// Asks for a stop at a report that `when` chooses.
class StoppingProgress final : public core::Progress {
 public:
  explicit StoppingProgress(StopWhen when) : when_(std::move(when)) {}
  void begin(std::string_view job, std::int64_t, std::string_view, std::int64_t) override {
    job_ = job;
    hear({.what = Reported::What::begin, .job = job_});
  }
  void update(std::int64_t done, std::string_view) override {
    hear({.what = Reported::What::update, .job = job_, .done = done});
  }
  void end() override { hear({.what = Reported::What::end, .job = job_}); }
  std::stop_token token() const { return source_.get_token(); }

 private:
  void hear(const Reported& reported) {
    if (when_(reported)) {
      source_.request_stop();
    }
  }

  StopWhen when_;
  std::string job_;
  std::stop_source source_;
};

/// A context that logs nowhere and in which a stop is asked for at a report that `when` chooses.
inline core::Context stopping_context(StopWhen when) {
  core::Context context = core::silent_context();
  const auto progress = std::make_shared<StoppingProgress>(std::move(when));
  context.progress = progress;
  context.stop = progress->token();
  return context;
}

}  // namespace retina::testing
