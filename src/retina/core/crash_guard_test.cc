#include "retina/core/crash_guard.h"

#include <csignal>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

namespace retina::core {
namespace {

using ::testing::ExitedWithCode;

TEST(CrashGuardDeathTest, ACrashInsideIsAMessageAndBadData) {
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGABRT}) {
    const auto crash = [&] {
      const CrashGuard guard("'a.h5': damaged");
      ::raise(signal);
    };
    EXPECT_EXIT(crash(), ExitedWithCode(3), "retina: 'a.h5': damaged\n") << signal;
  }
}

TEST(CrashGuardDeathTest, TheInnermostSpeaksAsLongAsItLives) {
  const auto crash_in_both = [] {
    const CrashGuard outer("outer");
    const CrashGuard inner("inner" + std::string(2000, '.'));
    ::raise(SIGSEGV);
  };
  EXPECT_EXIT(crash_in_both(), ExitedWithCode(3), "inner");
  const auto crash_in_outer = [] {
    const CrashGuard outer("outer");
    { const CrashGuard inner("inner"); }
    ::raise(SIGSEGV);
  };
  EXPECT_EXIT(crash_in_outer(), ExitedWithCode(3), "outer");
}

TEST(CrashGuardDeathTest, CrashesElsewhereTakeTheirUsualWay) {
  const auto crash_after = [] {
    std::signal(SIGFPE, [](int) { ::_exit(7); });
    { const CrashGuard guard("guard"); }
    ::raise(SIGFPE);
  };
  EXPECT_EXIT(crash_after(), ExitedWithCode(7), "");
  const auto crash_beside = [] {
    std::signal(SIGFPE, [](int) { ::_exit(7); });
    const CrashGuard guard("guard");
    std::thread([] { ::raise(SIGFPE); }).join();
  };
  EXPECT_EXIT(crash_beside(), ExitedWithCode(7), "");
}

}  // namespace
}  // namespace retina::core
