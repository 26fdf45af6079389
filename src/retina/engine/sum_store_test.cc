#include "retina/engine/sum_store.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/testing/temp_folder.h"

namespace retina::engine {
namespace {

constexpr core::Vec3 kShape{4, 6, 5};

core::Array filled(const core::Vec3& shape, int value) {
  core::Array array(core::DType::u8, 1, shape);
  for (std::uint8_t& v : array.values<std::uint8_t>()) {
    v = static_cast<std::uint8_t>(value);
  }
  return array;
}

core::Array sum_of(const SumStore& store) {
  core::Array total(core::DType::u8, 1, kShape);
  store.add_to(total, core::whole(kShape));
  return total;
}

TEST(SumStore, SumsPassesInMemoryAndOnDisk) {
  const testing::TempFolder folder;
  for (const std::filesystem::path& place : {std::filesystem::path{}, folder / "sums"}) {
    SumStore store({.channels = 1, .shape = kShape, .folder = place, .key = "a"});
    for (int pass = 0; pass < 2; ++pass) {
      store.add(pass, 0, {{0, 0, 0}, {2, 6, 5}}, filled({2, 6, 5}, 40 + pass));
      store.add(pass, 1, {{2, 0, 0}, {2, 6, 5}}, filled({2, 6, 5}, 50 + pass));
      store.finish_pass(pass);
    }
    const core::Array total = sum_of(store);
    EXPECT_EQ(total.at<std::uint8_t>(0, 1, 5, 4), 81);
    EXPECT_EQ(total.at<std::uint8_t>(0, 2, 0, 0), 101);
  }
}

TEST(SumStore, RepeatingABlockAfterACrashChangesNothing) {
  const testing::TempFolder folder;
  const SumStoreOptions options{
      .channels = 1, .shape = kShape, .folder = folder / "sums", .key = "a"};
  {
    SumStore store(options);
    store.add(0, 0, core::whole(kShape), filled(kShape, 30));
    store.finish_pass(0);
    store.add(1, 0, {{0, 0, 0}, {2, 6, 5}}, filled({2, 6, 5}, 5));
  }
  SumStore store(options);
  EXPECT_TRUE(store.is_added(0, 0));
  EXPECT_TRUE(store.is_added(1, 0));
  EXPECT_FALSE(store.is_added(1, 1));
  store.finish_pass(0);
  store.add(1, 0, {{0, 0, 0}, {2, 6, 5}}, filled({2, 6, 5}, 5));
  store.add(1, 1, {{2, 0, 0}, {2, 6, 5}}, filled({2, 6, 5}, 5));
  store.finish_pass(1);
  EXPECT_THAT(sum_of(store).values<std::uint8_t>(), ::testing::Each(35));
}

TEST(SumStore, WorkOfAnotherPlanIsThrownAway) {
  const testing::TempFolder folder;
  SumStore({.channels = 1, .shape = kShape, .folder = folder / "sums", .key = "a"})
      .add(0, 0, core::whole(kShape), filled(kShape, 30));
  const SumStore other({.channels = 1, .shape = kShape, .folder = folder / "sums", .key = "b"});
  EXPECT_FALSE(other.is_added(0, 0));
}

TEST(SumStore, AJournalThatLiesIsThrownAway) {
  const testing::TempFolder folder;
  const SumStoreOptions options{
      .channels = 1, .shape = kShape, .folder = folder / "sums", .key = "a"};
  const auto fill = [&] { SumStore(options).add(0, 0, core::whole(kShape), filled(kShape, 30)); };
  fill();
  EXPECT_TRUE(SumStore(options).is_added(0, 0));
  std::filesystem::resize_file(folder / "sums/sum_0.u8", 5);
  EXPECT_FALSE(SumStore(options).is_added(0, 0)) << "of another size";
  fill();
  std::filesystem::remove(folder / "sums/sum_0.u8");
  EXPECT_FALSE(SumStore(options).is_added(0, 0)) << "the sums are gone";
  fill();
  std::ofstream(folder / "sums/journal", std::ios::app) << "7 0\n-1 2\nx y\n99999999999 1\n1 1";
  const SumStore lied(options);
  EXPECT_FALSE(lied.is_added(0, 0)) << "of a pass that was never begun";
  EXPECT_FALSE(lied.is_added(7, 0));
}

TEST(SumStore, SumsThatAreGoneAreNotTakenForZeros) {
  const testing::TempFolder folder;
  const core::Vec3 half{kShape[0], kShape[1], 1};
  const core::Box3 first{{0, 0, 0}, half};
  const core::Box3 second{{0, 0, 1}, half};
  const SumStoreOptions options{
      .channels = 1, .shape = kShape, .folder = folder / "sums", .key = "a"};
  {
    SumStore store(options);
    store.add(0, 0, core::whole(kShape), filled(kShape, 30));
    std::filesystem::copy_file(folder / "sums/sum_0.u8", folder / "copy");
    store.finish_pass(0);
    store.add(1, 0, first, filled(half, 3));
  }
  std::filesystem::remove(folder / "sums/sum_0.u8");
  const auto go_on = [&] {
    SumStore store(options);
    store.finish_pass(0);
    store.add(1, 1, second, filled(half, 4));
    store.finish_pass(1);
  };
  EXPECT_THROW(go_on(), Error);
  EXPECT_THROW(go_on(), Error) << "the second time too";
  std::filesystem::copy_file(folder / "copy", folder / "sums/sum_0.u8");
  EXPECT_NO_THROW(go_on());
}

TEST(SumStore, RemovesItsFiles) {
  const testing::TempFolder folder;
  SumStore store({.channels = 1, .shape = kShape, .folder = folder / "sums", .key = "a"});
  store.add(0, 0, core::whole(kShape), filled(kShape, 1));
  store.finish_pass(0);
  store.remove();
  EXPECT_FALSE(std::filesystem::exists(folder / "sums"));
}

}  // namespace
}  // namespace retina::engine
