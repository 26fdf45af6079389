#include "retina/trainer/rank_place.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::trainer {
namespace {

RankPlace place_in(const std::map<std::string, std::string>& variables) {
  return rank_place([&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST(RankPlace, WithoutVariablesAProcessIsAlone) {
  EXPECT_EQ(place_in({}).ranks, 1);
  EXPECT_EQ(place_in({{"SLURM_NTASKS", "8"}, {"SLURM_PROCID", "0"}}).ranks, 1) << "a batch script";
}

TEST(RankPlace, TorchrunSaysItAll) {
  const RankPlace place = place_in({{"RANK", "3"},
                                    {"WORLD_SIZE", "8"},
                                    {"MASTER_ADDR", "node1"},
                                    {"MASTER_PORT", "29400"},
                                    {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                                    {"TORCHELASTIC_RESTART_COUNT", "2"},
                                    {"SLURM_PROCID", "0"},
                                    {"SLURM_STEP_NUM_TASKS", "1"}});
  EXPECT_EQ(place.rank, 3);
  EXPECT_EQ(place.ranks, 8);
  EXPECT_EQ(place.address, "node1");
  EXPECT_EQ(place.port, 29400);
  EXPECT_EQ(place.attempt, "2");
  EXPECT_EQ(place.host, RankPlace::Host::launcher);
}

TEST(RankPlace, ASlurmStepMeetsOnItsFirstMachine) {
  std::map<std::string, std::string> variables = {{"SLURM_PROCID", "5"},
                                                  {"SLURM_STEP_NUM_TASKS", "6"},
                                                  {"SLURM_STEP_NODELIST", "gpu[07-09,12]"},
                                                  {"SLURM_JOB_ID", "123456"}};
  const RankPlace place = place_in(variables);
  EXPECT_EQ(place.rank, 5);
  EXPECT_EQ(place.ranks, 6);
  EXPECT_EQ(place.address, "gpu07");
  EXPECT_EQ(place.port, 23456);
  EXPECT_EQ(place.host, RankPlace::Host::rank_0);
  variables["MASTER_ADDR"] = "other";
  variables["MASTER_PORT"] = "4000";
  EXPECT_EQ(place_in(variables).address, "other");
  EXPECT_EQ(place_in(variables).port, 4000);
}

TEST(RankPlace, AllThatIsMissingIsTold) {
  try {
    place_in({{"WORLD_SIZE", "2"}, {"RANK", "2"}});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    for (const char* part : {"RANK", "from 0 to 1", "MASTER_ADDR", "MASTER_PORT"}) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(part));
    }
  }
}

TEST(RankPlace, FirstHostOfANodeList) {
  EXPECT_EQ(first_host("node1"), "node1");
  EXPECT_EQ(first_host("node1,node2"), "node1");
  EXPECT_EQ(first_host("node[3,7-9]"), "node3");
  EXPECT_EQ(first_host("rack[1-2]-gpu,login"), "rack1-gpu");
  EXPECT_EQ(first_host("node[3"), "node3");
  EXPECT_EQ(first_host(""), "");
}

}  // namespace
}  // namespace retina::trainer
