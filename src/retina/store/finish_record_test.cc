#include "retina/store/finish_record.h"

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/lock.h"
#include "retina/core/replace_folder.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

namespace fs = std::filesystem;

struct TwoOutputs {
  testing::TempFolder folder;
  std::string first = (folder / "a").string();
  std::string second = (folder / "b").string();

  TwoOutputs() {
    for (const std::string& output : {first, second}) {
      fs::create_directories(core::partial_path(output));
    }
  }
  FinishRecord record(const std::string& key = "job") const {
    return FinishRecord({first, second}, key);
  }
};

TEST(FinishRecord, KnowsWhatAnEarlierRunFinished) {
  const TwoOutputs job;
  FinishRecord interrupted = job.record();
  EXPECT_FALSE(interrupted.resumes());
  interrupted.begin();
  core::rename_into_place(core::partial_path(job.first), job.first);

  FinishRecord again = job.record();
  EXPECT_TRUE(again.resumes());
  EXPECT_TRUE(again.is_finished(job.first));
  EXPECT_FALSE(again.is_finished(job.second));
  again.begin();
  core::rename_into_place(core::partial_path(job.second), job.second);
  again.remove();
  EXPECT_EQ(std::distance(fs::directory_iterator(job.folder.path()), fs::directory_iterator()), 2);
}

TEST(FinishRecord, KnowsAFileThatLayInItsUnfinishedFolder) {
  const TwoOutputs job;
  const fs::path inside = core::partial_path(job.first) / "voxels";
  core::write_atomically(inside, "1");
  job.record().begin();
  core::rename_into_place(inside, job.first);
  fs::remove_all(core::partial_path(job.first));
  EXPECT_TRUE(job.record().is_finished(job.first));
  EXPECT_TRUE(job.record().resumes());
}

TEST(FinishRecord, OutputsThatThisProcessHoldsDoNotStopIt) {
  const TwoOutputs job;
  job.record().begin();
  for (const std::string& output : {job.first, job.second}) {
    core::rename_into_place(core::partial_path(output), output);
  }
  {
    const core::OutputLock lock(job.first);
    job.record().remove();
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(job.folder.path()), fs::directory_iterator()), 2);
}

TEST(FinishRecord, LeftoversOfWhatAnEarlierRunFinishedGo) {
  const TwoOutputs job;
  const fs::path inside = core::partial_path(job.first) / "voxels";
  core::write_atomically(inside, "1");
  job.record().begin();
  core::rename_into_place(inside, job.first);  // and killed before it could remove its folder
  FinishRecord again = job.record();
  core::rename_into_place(core::partial_path(job.second), job.second);
  again.remove();
  EXPECT_EQ(std::distance(fs::directory_iterator(job.folder.path()), fs::directory_iterator()), 2);
}

TEST(FinishRecord, WhatAKillLeftOfARemovalGoes) {
  const TwoOutputs job;
  job.record().begin();
  for (const std::string& output : {job.first, job.second}) {
    core::rename_into_place(core::partial_path(output), output);
  }
  fs::create_directories(core::replaced_path(core::partial_path(job.first)) / "x");
  job.record().remove();
  EXPECT_EQ(std::distance(fs::directory_iterator(job.folder.path()), fs::directory_iterator()), 2);
}

TEST(FinishRecord, GoesAfterAllElse) {
  const TwoOutputs job;
  const fs::path inside = core::partial_path(job.first) / "voxels";
  core::write_atomically(inside, "1");
  job.record().begin();
  core::rename_into_place(inside, job.first);
  core::rename_into_place(core::partial_path(job.second), job.second);
  FinishRecord again = job.record();
  const fs::path record = job.folder / ".a.finish";
  ASSERT_TRUE(fs::remove(record));
  fs::create_directories(record / "x");  // its removal fails, as if a kill came before it
  EXPECT_THROW(again.remove(), fs::filesystem_error);
  EXPECT_FALSE(fs::exists(core::partial_path(job.first)));
}

TEST(FinishRecord, OfAnotherJobOrOfLostOutputsCountsForNothing) {
  const TwoOutputs job;
  job.record().begin();
  EXPECT_FALSE(job.record("another").resumes());
  EXPECT_TRUE(job.record().resumes());
  fs::remove_all(core::partial_path(job.second));
  EXPECT_FALSE(job.record().resumes());
}

TEST(FinishRecord, AnOlderOutputOfTheSameNameIsNotFinished) {
  const TwoOutputs job;
  fs::create_directories(job.first);
  job.record().begin();
  EXPECT_FALSE(job.record().is_finished(job.first));
  EXPECT_TRUE(job.record().resumes());
}

}  // namespace
}  // namespace retina::store
