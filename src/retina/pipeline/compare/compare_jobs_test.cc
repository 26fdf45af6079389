#include "retina/pipeline/compare/compare_jobs.h"

#include <map>
#include <optional>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::pipeline {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

trainer::Environment launcher_with(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

CompareOptions options_on(const std::string& device, int jobs) {
  CompareOptions options;
  options.device = device;
  options.jobs = jobs;
  options.start = "a1";
  return options;
}

TEST(CompareJobs, TakeTheGpusInTurnAndShareTheCores) {
  const auto jobs = job_arguments(options_on("auto", 3), {.gpus = 2, .cores = 8});
  ASSERT_THAT(jobs, SizeIs(3));
  EXPECT_THAT(jobs[0], ElementsAre("--jobs", "1", "--set", "pictures=false", "--start", "a1",
                                   "--threads", "2", "--device", "cuda:0"));
  EXPECT_EQ(jobs[1].back(), "cuda:1");
  EXPECT_EQ(jobs[2].back(), "cuda:0");
  EXPECT_THAT(job_arguments(options_on("cuda", 0), {.gpus = 4, .cores = 8}), SizeIs(4));
  EXPECT_THAT(job_arguments(options_on("auto", 0), {.gpus = 0, .cores = 8}), IsEmpty());
}

TEST(CompareJobs, StayOnTheDeviceThatTheUserNamed) {
  for (const char* device : {"cpu", "cuda:3"}) {
    const auto jobs = job_arguments(options_on(device, 2), {.gpus = 4, .cores = 8});
    EXPECT_THAT(jobs, SizeIs(2)) << device;
    EXPECT_THAT(jobs, Each(Not(Contains("--device")))) << device;
    EXPECT_THAT(jobs, Each(Contains("4"))) << device << ": half of the cores";
    EXPECT_THAT(job_arguments(options_on(device, 0), {.gpus = 4, .cores = 8}), IsEmpty()) << device;
  }
  const auto jobs = job_arguments(options_on("auto", 2), {.gpus = 1, .cores = 8});
  EXPECT_THAT(jobs, Each(Not(Contains("--device"))));
}

TEST(CompareJobs, ProcessesOfALauncherHaveGpusOfTheirOwn) {
  const auto slurm = launcher_with({{"SLURM_LOCALID", "5"}});
  EXPECT_EQ(device_in_launcher("auto", slurm, 4), "cuda:1");
  EXPECT_EQ(device_in_launcher("cuda", launcher_with({{"LOCAL_RANK", "2"}}), 4), "cuda:2");
  EXPECT_EQ(device_in_launcher("cpu", slurm, 4), "cpu");
  EXPECT_EQ(device_in_launcher("cuda:3", slurm, 4), "cuda:3");
  EXPECT_EQ(device_in_launcher("auto", slurm, 1), "auto");
  EXPECT_EQ(device_in_launcher("auto", launcher_with({}), 4), "auto");
  EXPECT_EQ(device_in_launcher("auto", launcher_with({{"LOCAL_RANK", "x"}}), 4), "auto");
}

TEST(CompareJobs, ProcessesOfALauncherShareTheCores) {
  const auto torchrun = launcher_with({{"LOCAL_WORLD_SIZE", "3"}});
  EXPECT_EQ(threads_in_launcher(0, torchrun, 8), 2);
  EXPECT_EQ(threads_in_launcher(0, torchrun, 2), 1);
  EXPECT_EQ(threads_in_launcher(5, torchrun, 8), 5);
  const auto slurm = launcher_with({{"SLURM_CPUS_PER_TASK", "6"}});
  EXPECT_EQ(threads_in_launcher(0, slurm, 64), 6);
  EXPECT_EQ(threads_in_launcher(0, slurm, 4), 4);
  const auto both = launcher_with({{"SLURM_CPUS_PER_TASK", "6"}, {"LOCAL_WORLD_SIZE", "2"}});
  EXPECT_EQ(threads_in_launcher(0, both, 64), 3);
  for (const char* none : {"1", "0", "x", ""}) {
    EXPECT_EQ(threads_in_launcher(0, launcher_with({{"LOCAL_WORLD_SIZE", none}}), 8), 0) << none;
  }
}

}  // namespace
}  // namespace retina::pipeline
