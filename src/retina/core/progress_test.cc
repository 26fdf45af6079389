#include "retina/core/progress.h"

#include <memory>
#include <sstream>

#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include "retina/core/error.h"

namespace retina::core {
namespace {

TEST(Context, CheckStopThrowsInterruptedOnlyAfterARequest) {
  std::stop_source source;
  Context context = silent_context();
  context.stop = source.get_token();
  EXPECT_NO_THROW(context.check_stop("resume with --resume"));
  source.request_stop();
  try {
    context.check_stop("resume with --resume");
    FAIL() << "no error was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
    EXPECT_NE(std::string(error.what()).find("--resume"), std::string::npos);
  }
}

TEST(Context, WarningsAlonePassTheQuietLog) {
  std::ostringstream text;
  Context context = silent_context();
  context.log = std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text));
  const Context quiet = with_warnings_alone(context);
  quiet.log->info("a detail");
  quiet.log->warn("a warning");
  context.log->info("a fact");
  EXPECT_EQ(text.str().find("a detail"), std::string::npos);
  EXPECT_NE(text.str().find("a warning"), std::string::npos);
  EXPECT_NE(text.str().find("a fact"), std::string::npos);
}

}  // namespace
}  // namespace retina::core
