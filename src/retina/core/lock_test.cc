#include "retina/core/lock.h"

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "retina/core/error.h"
#include "retina/testing/temp_folder.h"
#include "retina/testing/without_locks.h"

namespace retina::core {
namespace {

TEST(OutputLock, ASecondWriterIsRefused) {
  const testing::TempFolder folder;
  const OutputLock first(folder / "out.zarr");
  try {
    const OutputLock second(folder / "out.zarr");
    FAIL() << "both hold the lock";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
    EXPECT_NE(std::string(error.what()).find("out.zarr"), std::string::npos);
  }
  const OutputLock other(folder / "other.zarr");
}

TEST(OutputLock, AnAttemptSaysWhetherItIsTaken) {
  const testing::TempFolder folder;
  {
    const std::optional<OutputLock> first = OutputLock::attempt(folder / "out");
    EXPECT_TRUE(first);
    EXPECT_FALSE(OutputLock::attempt(folder / "out"));
  }
  EXPECT_TRUE(OutputLock::attempt(folder / "out"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(OutputLock, WhoWaitsFollows) {
  const testing::TempFolder folder;
  std::optional<OutputLock> first = OutputLock::attempt(folder / "out");
  std::atomic<bool> is_released = false;
  std::atomic<bool> is_waiting = false;
  std::jthread second([&] {
    is_waiting = true;
    const OutputLock lock = OutputLock::wait(folder / "out");
    EXPECT_TRUE(is_released);
  });
  while (!is_waiting) {
    std::this_thread::yield();
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  is_released = true;
  first.reset();
  second.join();
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(OutputLock, IsFreeAgainAndLeavesNoFile) {
  const testing::TempFolder folder;
  { const OutputLock lock(folder / "out/"); }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  OutputLock again(folder / "out");
  OutputLock moved(std::move(again));
  moved = OutputLock();
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(OutputLock, AProcessThatDiedHoldsNothing) {
  const testing::TempFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    new OutputLock(folder / "out");  // never released
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(std::filesystem::exists(folder / ".out.lock"));
  const OutputLock lock(folder / "out");
}

TEST(OutputLock, SaysThatItHoldsNoneWhereThereAreNone) {
  const testing::TempFolder folder;
  EXPECT_TRUE(OutputLock(folder / "out").is_held());
  EXPECT_FALSE(OutputLock().is_held());
  const bool is_done = testing::without_locks([&] {
    const std::optional<OutputLock> first = OutputLock::attempt(folder / "out");
    const std::optional<OutputLock> second = OutputLock::attempt(folder / "out");
    EXPECT_TRUE(first && !first->is_held());
    EXPECT_TRUE(second) << "nobody is refused";
  });
  if (!is_done) {
    GTEST_SKIP() << "this kernel refuses to filter system calls";
  }
}

}  // namespace
}  // namespace retina::core
