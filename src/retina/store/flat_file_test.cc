#include "retina/store/flat_file.h"

#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/rng.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

/// Value (a, b, c, d) of the file's own axes is its place in the file.
std::filesystem::path write_counting_file(const testing::TempFolder& folder, int count) {
  std::ofstream out(folder / "a.raw", std::ios::binary);
  out << "header";
  for (int i = 0; i < count; ++i) {
    out.put(static_cast<char>(i >> 8));  // big endian
    out.put(static_cast<char>(i & 0xFF));
  }
  return folder / "a.raw";
}

TEST(FlatFile, IsReadByRowsWhereTheyLieOneAfterTheOther) {
  const testing::TempFolder folder;
  FlatLayout layout{.dtype = core::DType::u16, .offset = 6, .shape = {2, 3, 4, 5}};
  const auto path = write_counting_file(folder, 120);
  EXPECT_EQ(FlatFile(path, layout).unit(), (core::Vec3{1, 1, 0}));
  layout.order = {1, 2, 3, 0};  // colour of each pixel together
  EXPECT_EQ(FlatFile(path, layout).unit(), (core::Vec3{1, 1, 0}));
  layout.order = {0, 3, 2, 1};
  EXPECT_EQ(FlatFile(path, layout).unit(), (core::Vec3{1, 0, 0}));
}

TEST(FlatFile, ReadsAnyBoxInAnyOrderOfAxes) {
  const testing::TempFolder folder;
  FlatLayout layout{.dtype = core::DType::u16,
                    .byte_order = std::endian::big,
                    .offset = 6,
                    .shape = {2, 3, 4, 5}};
  const auto path = write_counting_file(folder, 120);
  core::Rng rng(1);
  do {
    const FlatFile file(path, layout);
    for (int i = 0; i < 20; ++i) {
      Block4 block;
      for (std::size_t axis = 0; axis < 4; ++axis) {
        block.start[axis] = rng.integer(0, layout.shape[axis] - 1);
        block.shape[axis] = rng.integer(1, layout.shape[axis] - block.start[axis]);
      }
      const core::Array values = file.read(block);
      const std::span<const std::uint16_t> found = values.values<std::uint16_t>();
      std::size_t next = 0;
      for_each_cell(block, {1, 1, 1, 1}, [&](const Index4& at) {
        std::int64_t place = 0;
        for (const std::size_t axis : layout.order) {
          place = place * layout.shape[axis] + at[axis];
        }
        ASSERT_EQ(found[next++], place);
      });
    }
  } while (std::next_permutation(layout.order.begin(), layout.order.end()));
}

TEST(FlatFile, RefusesSizesThatLie) {
  const testing::TempFolder folder;
  const auto path = write_counting_file(folder, 10);
  const std::int64_t huge = std::int64_t{1} << 40;
  for (const Index4& shape : {Index4{1, 1, 1, 21}, Index4{huge, huge, huge, huge}}) {
    try {
      const FlatFile file(path, {.offset = 6, .shape = shape});
      FAIL();
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr("a.raw"));
    }
  }
  EXPECT_THROW(FlatFile(path, {.offset = 100, .shape = {1, 1, 1, 1}}), Error);
  EXPECT_THROW(FlatFile(folder.path(), {}), Error);
}

}  // namespace
}  // namespace retina::store
