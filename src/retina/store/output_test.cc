#include "retina/store/output.h"

#include <fstream>

#include <gtest/gtest.h>

#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

CreateOptions resumable(const std::string& key) {
  CreateOptions options;
  options.shape = {1, 1, 1};
  options.resume_key = key;
  return options;
}

TEST(Output, UnfinishedWorkWithoutAKeyIsThrownAway) {
  const testing::TempFolder folder;
  prepare_partial_folder(folder / "p", resumable(""));
  std::ofstream(folder / "p/data") << "x";
  prepare_partial_folder(folder / "p", resumable("plan"));
  EXPECT_FALSE(std::filesystem::exists(folder / "p/data"));
}

TEST(Output, ContinuedWorkLosesItsHalfWrittenFiles) {
  const testing::TempFolder folder;
  prepare_partial_folder(folder / "p", resumable("plan"));
  std::ofstream(folder / "p/data") << "x";
  std::ofstream(folder / "p/.next.partial") << "x";
  prepare_partial_folder(folder / "p", resumable("plan"));
  EXPECT_TRUE(std::filesystem::exists(folder / "p/data"));
  EXPECT_FALSE(std::filesystem::exists(folder / "p/.next.partial"));
}

TEST(Output, AnotherPlanIsRefused) {
  const testing::TempFolder folder;
  prepare_partial_folder(folder / "p", resumable("plan"));
  EXPECT_THROW(prepare_partial_folder(folder / "p", resumable("other")), Error);
  EXPECT_THROW(prepare_partial_folder(folder / "p", resumable("")), Error);
}

TEST(Output, SliceNamesMustMatchTheSlices) {
  CreateOptions options = resumable("");
  options.slice_names = {"a", "b"};
  EXPECT_EQ(options.validate().size(), 1U);
}

}  // namespace
}  // namespace retina::store
