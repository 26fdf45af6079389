#include "retina/core/progress.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/null_sink.h>

#include "retina/core/error.h"

namespace retina::core {
namespace {

class NoProgress final : public Progress {
 public:
  void begin(std::string_view, std::int64_t, std::string_view, std::int64_t) override {}
  void update(std::int64_t, std::string_view) override {}
  void end() override {}
};

}  // namespace

void check_stop(const std::stop_token& stop, std::string_view resume_hint) {
  if (stop.stop_requested()) {
    throw Error(ErrorKind::interrupted,
                Problem{.subject = "interrupted", .remedy = std::string(resume_hint)});
  }
}

void Context::check_stop(std::string_view resume_hint) const {
  core::check_stop(stop, resume_hint);
}

Context silent_context() {
  return {.log = std::make_shared<spdlog::logger>("silent",
                                                  std::make_shared<spdlog::sinks::null_sink_mt>()),
          .progress = std::make_shared<NoProgress>(),
          .stop = {}};
}

Context with_warnings_alone(const Context& context) {
  Context out = context;
  const auto& sinks = context.log->sinks();
  out.log = std::make_shared<spdlog::logger>(context.log->name(), sinks.begin(), sinks.end());
  out.log->set_level(spdlog::level::warn);
  return out;
}

}  // namespace retina::core
