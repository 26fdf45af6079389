#include "retina/core/progress.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace retina::core
