#include "retina/core/resource_limits.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>
#include <sched.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::core {
namespace {

void write(const std::filesystem::path& file, std::string_view text) {
  std::filesystem::create_directories(file.parent_path());
  write_atomically(file, text);
}

/// Of version 1, in microseconds of each tenth of a second.
void write_quota(const std::filesystem::path& group, std::string_view quota) {
  write(group / "cpu.cfs_quota_us", quota);
  write(group / "cpu.cfs_period_us", "100000\n");
}

TEST(ResourceLimits, TheTightestGroupOfVersionTwoCounts) {
  const testing::TempFolder root;
  write(root / "cpu.max", "max 100000\n");
  write(root / "job/cpu.max", "350000 100000\n");
  write(root / "job/step/cpu.max", "800000 100000\n");
  write(root / "job/memory.max", "max\n");
  write(root / "job/step/memory.max", "4294967296\n");
  const CgroupLimits limits = cgroup_limits("0::/job/step\n", root.path());
  EXPECT_EQ(limits.cores, 3.5);
  EXPECT_EQ(limits.memory, std::int64_t{1} << 32);
  EXPECT_EQ(cgroup_limits("0::/job\n", root.path()).memory, std::nullopt);
}

TEST(ResourceLimits, OfVersionOneAreFoundByController) {
  const testing::TempFolder root;
  write_quota(root / "cpu,cpuacct/job", "200000\n");
  write_quota(root / "cpu,cpuacct", "-1\n");
  write(root / "memory/memory.limit_in_bytes", "9223372036854771712\n");
  write(root / "memory/job/memory.limit_in_bytes", "1073741824\n");
  const CgroupLimits limits =
      cgroup_limits("5:memory:/job\n4:cpu,cpuacct:/job\n1:name=systemd:/\n", root.path());
  EXPECT_EQ(limits.cores, 2.0);
  EXPECT_EQ(limits.memory, std::int64_t{1} << 30);
}

TEST(ResourceLimits, AControllerMayBeMountedUnderItsNameAlone) {
  const testing::TempFolder root;
  write_quota(root / "cpu/job", "300000\n");
  EXPECT_EQ(cgroup_limits("4:cpuacct,cpu:/job\n", root.path()).cores, 3.0);
}

TEST(ResourceLimits, ASetOfCoresIsCounted) {
  const testing::TempFolder root;
  write(root / "job/cpuset.cpus.effective", "0-3,8,10-11\n");
  write(root / "cpuset.cpus.effective", "0-63\n");
  write(root / "cpuset/job/cpuset.effective_cpus", "5\n");
  EXPECT_EQ(cgroup_limits("0::/job\n", root.path()).cores, 7.0);
  EXPECT_EQ(cgroup_limits("7:cpuset:/job\n", root.path()).cores, 1.0);
  write(root / "job/cpuset.cpus.effective", "\n");
  EXPECT_EQ(cgroup_limits("0::/job\n", root.path()).cores, 64.0);
}

TEST(ResourceLimits, ProcessesOfOneListShareItsCores) {
  const std::string own = core_list();
  EXPECT_EQ(core_share({own}), usable_cores());
  EXPECT_EQ(core_share({"other: 0-7", own, own, "other: 0-7"}), std::max(1, usable_cores() / 2));
  EXPECT_EQ(core_share(std::vector<std::string>(5000, own)), 1);
}

TEST(ResourceLimits, InAContainerThePathMayBeThatOfTheMachineOutside) {
  const testing::TempFolder root;
  write(root / "memory/memory.limit_in_bytes", "1073741824\n");
  EXPECT_EQ(cgroup_limits("5:memory:/docker/12ab\n", root.path()).memory, std::int64_t{1} << 30);
}

TEST(ResourceLimits, NothingIsLimitedWhereNothingIsSaid) {
  const testing::TempFolder root;
  write(root / "cpu.max", "");
  for (const char* text : {"", "0::/\n", "nonsense\n", "a:b\n"}) {
    const CgroupLimits limits = cgroup_limits(text, root.path());
    EXPECT_FALSE(limits.cores) << text;
    EXPECT_FALSE(limits.memory) << text;
  }
}

TEST(ResourceLimits, OfThisProcessAreNoMoreThanItsMask) {
  for (const char* name : {"OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY"}) {
    if (std::getenv(name) != nullptr) {
      GTEST_SKIP() << name << " is set: the mask is not looked at";
    }
  }
  cpu_set_t mask;
  ASSERT_EQ(sched_getaffinity(0, sizeof mask, &mask), 0);
  EXPECT_GE(usable_cores(), 1);
  EXPECT_LE(usable_cores(), CPU_COUNT(&mask));
  EXPECT_GT(usable_memory(), std::int64_t{1} << 20);
}

TEST(ResourceLimits, OfMemoryAreASizeOrHalfOfWhatIsThere) {
  EXPECT_EQ(memory_limit("3MiB"), 3 << 20);
  EXPECT_EQ(memory_limit("auto"), std::min(std::int64_t{4} << 30, usable_memory() / 2));
  EXPECT_THROW(memory_limit("much"), Error);
}

TEST(ResourceLimits, ACoreListTellsTheMask) {
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  const std::string before = core_list();
  cpu_set_t one;
  CPU_ZERO(&one);
  int core = 0;
  while (!CPU_ISSET(core, &all)) {
    ++core;
  }
  CPU_SET(core, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  const std::string alone = core_list();
  ASSERT_EQ(sched_setaffinity(0, sizeof all, &all), 0);
  EXPECT_TRUE(alone.ends_with(": " + std::to_string(core))) << alone;
  EXPECT_EQ(core_list(), before);
}

}  // namespace
}  // namespace retina::core
