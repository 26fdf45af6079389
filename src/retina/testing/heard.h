#pragma once

#include <memory>
#include <sstream>
#include <string>

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include "retina/core/progress.h"

namespace retina::testing {

/// A context whose log is kept as text.
struct Heard {
  std::shared_ptr<std::ostringstream> log = std::make_shared<std::ostringstream>();
  core::Context context = core::silent_context();
  Heard() {
    context.log = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(*log));
  }
  std::string text() const { return log->str(); }
};

}  // namespace retina::testing
