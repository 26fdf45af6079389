#include "retina/pipeline/run/run_folder.h"

#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

void make_run(const std::filesystem::path& run, const char* what) {
  RunFolder folder(run, RunStart::fresh);
  folder.write_config({{"version", 1}, {"what", what}});
  folder.place();
  folder.establish();
}

std::string config_of(const std::filesystem::path& run) {
  return core::read_text(run_config_path(run));
}

std::string config_text(const std::string& what) {
  return "version: 1\nwhat: \"" + what + "\"\n";
}

std::ptrdiff_t entries(const std::filesystem::path& folder) {
  return std::distance(std::filesystem::directory_iterator(folder),
                       std::filesystem::directory_iterator());
}

TEST(RunFolder, ANewRunThatFailsLeavesNothing) {
  const testing::TempFolder folder;
  {
    RunFolder run(folder / "run", RunStart::fresh);
    EXPECT_FALSE(std::filesystem::exists(folder / "run"));
  }
  EXPECT_EQ(entries(folder.path()), 0);
}

TEST(RunFolder, TheOldRunSurvivesUntilTheNewOneIsEstablished) {
  const testing::TempFolder folder;
  make_run(folder / "run", "old");
  for (const bool placed : {false, true}) {
    RunFolder run(folder / "run", RunStart::overwrite);
    run.write_config({{"version", 1}, {"what", "new"}});
    if (placed) {
      run.place();
      EXPECT_EQ(config_of(folder / "run"), config_text("new"));
    }
  }
  EXPECT_EQ(config_of(folder / "run"), config_text("old"));
  {
    RunFolder run((folder / "run").string() + "/", RunStart::overwrite);
    run.write_config({{"version", 1}, {"what", "new"}});
    run.place();
    run.establish();
  }
  EXPECT_EQ(config_of(folder / "run"), config_text("new"));
  EXPECT_EQ(entries(folder.path()), 1);
}

TEST(RunFolder, AnInterruptedRunIsKept) {
  const testing::TempFolder folder;
  {
    RunFolder run(folder / "run", RunStart::fresh);
    run.write_config({{"version", 1}, {"what", "new"}});
    run.place();
    run.keep();
  }
  EXPECT_EQ(config_of(folder / "run"), config_text("new"));
}

TEST(RunFolder, AKillBeforeTheFirstStepDoesNotCostTheRunThatWasReplaced) {
  const testing::TempFolder folder;
  make_run(folder / "run", "old");
  {
    RunFolder killed(folder / "run", RunStart::overwrite);
    killed.write_config({{"version", 1}, {"what", "new"}});
    killed.place();
    killed.keep();  // as a kill leaves it
  }
  EXPECT_EQ(config_of(folder / ".run.old"), config_text("old"));
  {
    RunFolder again(folder / "run", RunStart::overwrite);
    EXPECT_EQ(config_of(folder / "run"), config_text("old"));
    again.write_config({{"version", 1}, {"what", "new"}});
    again.place();
    EXPECT_EQ(config_of(folder / ".run.old"), config_text("old"));
  }
  EXPECT_EQ(config_of(folder / "run"), config_text("old"));
  EXPECT_EQ(entries(folder.path()), 1);
}

TEST(RunFolder, AnotherFolderWithAConfigurationIsNoRun) {
  const testing::TempFolder folder;
  const auto project = folder / "project";
  std::filesystem::create_directories(project / "checkpoints");
  for (const char* config : {"name: \"theirs\"\n", "- a list\n", ""}) {
    core::write_atomically(project / "config.yaml", std::string_view(config));
    EXPECT_THROW(RunFolder(project, RunStart::overwrite), Error) << config;
  }
  std::filesystem::remove(project / "checkpoints");
  core::write_atomically(project / "config.yaml", std::string_view("version: 1\n"));
  EXPECT_THROW(RunFolder(project, RunStart::overwrite), Error);
  EXPECT_EQ(config_of(project), "version: 1\n");
}

TEST(RunFolder, AKillBetweenTwoRenamesIsMended) {
  const testing::TempFolder folder;
  make_run(folder / ".run.old", "old");
  recover_run(folder / "run");
  EXPECT_EQ(config_of(folder / "run"), config_text("old"));
}

}  // namespace
}  // namespace retina::pipeline
