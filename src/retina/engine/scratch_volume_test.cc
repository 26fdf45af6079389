#include "retina/engine/scratch_volume.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/rng.h"
#include "retina/testing/temp_folder.h"

namespace retina::engine {
namespace {

core::Array random_bytes(int channels, const core::Vec3& shape, std::uint64_t seed) {
  core::Array array(core::DType::u8, channels, shape);
  core::Rng rng(seed);
  for (std::uint8_t& value : array.values<std::uint8_t>()) {
    value = static_cast<std::uint8_t>(rng.integer(0, 255));
  }
  return array;
}

TEST(ScratchVolume, IsZeroUntilWritten) {
  const testing::TempFolder folder;
  const ScratchVolume volume(folder / "sum", 1, {40, 50, 60});
  EXPECT_THAT(volume.read({{30, 30, 30}, {10, 20, 30}}).values<std::uint8_t>(), ::testing::Each(0));
}

TEST(ScratchVolume, ReadsWhatWasWrittenInAnyCut) {
  const testing::TempFolder folder;
  const core::Vec3 shape{45, 50, 70};
  ScratchVolume volume(folder / "sum", 2, shape);
  const core::Array values = random_bytes(2, shape, 1);
  for (std::int64_t y = 0; y < 50; y += 7) {
    const core::Box3 box{{0, y, 0}, {45, std::min<std::int64_t>(7, 50 - y), 70}};
    core::Array part(core::DType::u8, 2, box.shape);
    core::copy_overlap(values, {0, 0, 0}, part, box.start);
    volume.write(box, part);
  }
  EXPECT_EQ(volume.read(core::whole(shape)), values);
  const core::Box3 slab{{0, 0, 31}, {45, 50, 4}};
  core::Array expected(core::DType::u8, 2, slab.shape);
  core::copy_overlap(values, {0, 0, 0}, expected, slab.start);
  EXPECT_EQ(volume.read(slab), expected);
}

TEST(ScratchVolume, ContinuesAnExistingFile) {
  const testing::TempFolder folder;
  const core::Vec3 shape{33, 10, 12};
  const core::Array values = random_bytes(1, shape, 2);
  ScratchVolume(folder / "sum", 1, shape).write(core::whole(shape), values);
  EXPECT_EQ(ScratchVolume(folder / "sum", 1, shape).read(core::whole(shape)), values);
}

TEST(ScratchVolume, NamesTheFileThatCannotBeMade) {
  try {
    const ScratchVolume volume("/nowhere/at/all", 1, {8, 8, 8});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("/nowhere/at/all"));
  }
}

}  // namespace
}  // namespace retina::engine
