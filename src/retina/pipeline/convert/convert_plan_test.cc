#include "retina/pipeline/convert/convert_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/label/block_grid.h"

namespace retina::pipeline {
namespace {

using core::Box3;
using core::Vec3;

TEST(ConvertPlan, CropsAreReadWithBoundsLeftOut) {
  const Vec3 shape{10, 20, 30};
  EXPECT_EQ(parse_crop("", shape), core::whole(shape));
  EXPECT_EQ(parse_crop("1:3,:,5:", shape), (Box3{{1, 0, 5}, {2, 20, 25}}));
  EXPECT_EQ(parse_crop(":4,10:20,", shape), (Box3{{0, 10, 0}, {4, 10, 30}}));
  for (const char* bad : {"1:3", "1:3,2:4", "a:3,:,:", "3:1,:,:", "0:11,:,:", "-1:3,:,:", "2,3,4",
                          "1:3,:,:,:", "1:1,:,:", "99999999999999999999:,:,:"}) {
    EXPECT_THROW(parse_crop(bad, shape), Error) << bad;
  }
}

TEST(ConvertPlan, BlocksAreMultiplesOfTheUnitThatHoldWholeChunks) {
  const Vec3 block = plan_blocks({.shape = {1000, 4000, 4000},
                                  .unit = {64, 512, 512},
                                  .chunk = {1, 0, 0},  // pages
                                  .voxel_bytes = 1,
                                  .max_bytes = std::int64_t{1} << 30});
  EXPECT_EQ(block, (Vec3{64, 4096, 4096}));
  const Vec3 small = plan_blocks({.shape = {1000, 4000, 4000},
                                  .unit = {64, 512, 512},
                                  .chunk = {1, 0, 0},
                                  .voxel_bytes = 1,
                                  .max_bytes = std::int64_t{200} << 20});
  EXPECT_EQ(small, (Vec3{64, 512, 4096}));
}

TEST(ConvertPlan, TinyUnitsAreTakenTogether) {
  const Vec3 block = plan_blocks({.shape = {1000, 100, 100},
                                  .unit = {1, 100, 100},
                                  .chunk = {1, 100, 100},
                                  .voxel_bytes = 1,
                                  .max_bytes = std::int64_t{1} << 30});
  EXPECT_EQ(block[0], 838);
}

TEST(ConvertPlan, AUnitLargerThanMemoryIsRefusedWithARemedy) {
  try {
    plan_blocks({.shape = {64, 1000, 1000},
                 .unit = {64, 1000, 1000},
                 .chunk = {1, 0, 0},
                 .voxel_bytes = 8,
                 .max_bytes = 1 << 20});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("--shard"));
  }
}

TEST(ConvertPlan, LargeChunksLeaveFewerThreads) {
  constexpr std::int64_t kMiB = std::int64_t{1} << 20;
  MemoryRequest request{.limit = 4096 * kMiB, .taken = 100 * kMiB, .threads = 3};
  MemoryShare share = share_memory(request);
  EXPECT_EQ(share.threads, 3);
  EXPECT_EQ(share.cache_bytes, 256 * kMiB);
  EXPECT_EQ(share.block_bytes, (4096 - 100 - 256) * kMiB / 3);
  request.chunk_bytes = 400 * kMiB;
  share = share_memory(request);
  EXPECT_EQ(share.threads, 2);
  EXPECT_EQ(share.cache_bytes, 400 * kMiB) << "the latest chunk stays";
  EXPECT_LE(request.taken + share.cache_bytes +
                share.threads * (share.decoding_bytes + share.block_bytes),
            request.limit);
  request.unit_bytes = 1000 * kMiB;
  EXPECT_EQ(share_memory(request).threads, 1);
}

TEST(ConvertPlan, MemoryForOneThreadIsNamedAndEnough) {
  constexpr std::int64_t kMiB = std::int64_t{1} << 20;
  for (const std::int64_t chunk : {0, 1, 256}) {
    MemoryRequest request{
        .limit = 140 * kMiB, .taken = 130 * kMiB, .chunk_bytes = chunk * kMiB, .threads = 2};
    try {
      share_memory(request);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::resource);
      const std::string text = error.what();
      const std::size_t at = text.find("at least ") + 9;
      std::string size = text.substr(at, text.find(',', at) - at);
      std::erase(size, ' ');
      request.limit = core::parse_size(size);
      EXPECT_EQ(share_memory(request).threads, 1) << text;
    }
  }
}

TEST(ConvertPlan, ChunksTakeMemoryWhereTheyAreDecoded) {
  core::VolumeInfo info;
  info.dtype = core::DType::u16;
  info.channels = 2;
  EXPECT_EQ(decoded_chunk_bytes(info), 0) << "planes of a flat file";
  info.chunk = {64, 128, 128};
  EXPECT_EQ(decoded_chunk_bytes(info), 4 * 64 * 128 * 128);
  info.chunk = {1LL << 40, 1LL << 40, 1};
  EXPECT_GT(decoded_chunk_bytes(info), 1LL << 50);
}

TEST(ConvertPlan, SizesAre64Bit) {
  const Vec3 shape{3000, 100'000, 100'000};
  const label::BlockGrid grid(shape, plan_blocks({.shape = shape,
                                                  .unit = {64, 512, 512},
                                                  .chunk = {64, 64, 64},
                                                  .voxel_bytes = 16,
                                                  .max_bytes = std::int64_t{1} << 30}));
  EXPECT_EQ(grid.count(), 47LL * 196 * 196);
  EXPECT_EQ(grid.box(grid.count() - 1).stop(), shape);
  const Vec3 flat_shape{1, 200'000, 300};
  const label::BlockGrid flat(flat_shape, plan_blocks({.shape = flat_shape,
                                                       .unit = {1, 2048, 512},
                                                       .chunk = {1, 256, 256},
                                                       .voxel_bytes = 1,
                                                       .max_bytes = std::int64_t{1} << 30}));
  EXPECT_EQ(flat.box(flat.count() - 1).stop(), flat_shape);
}

}  // namespace
}  // namespace retina::pipeline
