// What every format promises, checked for every format: reading, writing, laziness, threads.
#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "retina/core/rng.h"
#include "retina/store/open.h"
#include "retina/store/pack/pack.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

using core::Box3;
using core::DType;
using core::Vec3;

enum class Writing { any_box, slabs_in_order };

/// One format in one setting.
struct FormatCase {
  std::string name;
  std::string extension;
  DType dtype = DType::u8;
  Vec3 shape{5, 40, 37};
  int channels = 1;
  Writing writing = Writing::any_box;
  Vec3 chunk{0, 0, 0};
  Vec3 shard{0, 0, 0};
};

core::Array random_array(DType dtype, int channels, const Vec3& shape, std::uint64_t seed) {
  core::Array values(dtype, channels, shape);
  core::Rng rng(seed);
  core::dispatch(dtype, [&](auto zero) {
    for (auto& value : values.values<decltype(zero)>()) {
      value = static_cast<decltype(zero)>(rng.integer(0, 100));
    }
  });
  return values;
}

core::Array cut(const core::Array& whole, const Box3& box) {
  core::Array part(whole.dtype(), whole.channels(), box.shape);
  core::copy_overlap(whole, {0, 0, 0}, part, box.start);
  return part;
}

Box3 random_box(core::Rng& rng, const Vec3& shape) {
  Box3 box;
  for (std::size_t i = 0; i < 3; ++i) {
    box.start[i] = rng.integer(0, shape[i] - 1);
    box.shape[i] = rng.integer(1, shape[i] - box.start[i]);
  }
  return box;
}

CreateOptions create_options(const FormatCase& format) {
  CreateOptions options;
  options.dtype = format.dtype;
  options.channels = format.channels;
  options.shape = format.shape;
  options.chunk = format.chunk;
  options.shard = format.shard;
  return options;
}

class StoreBehaviour : public ::testing::TestWithParam<FormatCase> {
 protected:
  std::string path() const { return (folder_ / ("volume" + GetParam().extension)).string(); }
  core::Array truth() const {
    return random_array(GetParam().dtype, GetParam().channels, GetParam().shape, 7);
  }
  void store(const core::Array& values) const {
    const auto output = create(path(), create_options(GetParam()));
    output->write(core::whole(GetParam().shape), values);
    output->finish();
  }

  testing::TempFolder folder_;
};

TEST_P(StoreBehaviour, DescribesWhatWasWritten) {
  store(truth());
  const auto volume = open(path());
  EXPECT_EQ(volume->shape(), GetParam().shape);
  EXPECT_EQ(volume->info().dtype, GetParam().dtype);
  EXPECT_EQ(volume->info().channels, GetParam().channels);
  EXPECT_FALSE(volume->info().format.empty());
  EXPECT_EQ(volume->info().source, path());
}

TEST_P(StoreBehaviour, ReadsBackTheWhole) {
  const core::Array values = truth();
  store(values);
  EXPECT_TRUE(open(path())->read(core::whole(GetParam().shape)) == values);
}

TEST_P(StoreBehaviour, ReadsAnyBox) {
  const core::Array values = truth();
  store(values);
  const auto volume = open(path());
  core::Rng rng(3);
  for (int i = 0; i < 40; ++i) {
    const Box3 box = random_box(rng, GetParam().shape);
    ASSERT_TRUE(volume->read(box) == cut(values, box)) << core::to_string(box);
  }
}

TEST_P(StoreBehaviour, ReadsEveryCorner) {
  const core::Array values = truth();
  store(values);
  const auto volume = open(path());
  for (int corner = 0; corner < 8; ++corner) {
    Box3 box{{0, 0, 0}, {1, 1, 1}};
    for (std::size_t i = 0; i < 3; ++i) {
      box.start[i] = (corner >> i & 1) != 0 ? GetParam().shape[i] - 1 : 0;
    }
    EXPECT_TRUE(volume->read(box) == cut(values, box)) << core::to_string(box);
  }
}

TEST_P(StoreBehaviour, RefusesBoxesOutside) {
  store(truth());
  const auto volume = open(path());
  const Vec3 shape = GetParam().shape;
  EXPECT_THROW(volume->read({{0, 0, 0}, {shape[0] + 1, 1, 1}}), Error);
  EXPECT_THROW(volume->read({{0, -1, 0}, {1, 1, 1}}), Error);
}

TEST_P(StoreBehaviour, OpenedForReadingRefusesWrites) {
  store(truth());
  const auto volume = open(path());
  EXPECT_THROW(volume->write(core::whole(GetParam().shape), truth()), Error);
}

TEST_P(StoreBehaviour, ReadsFromSeveralThreads) {
  const core::Array values = truth();
  store(values);
  const auto volume = open(path());
  std::vector<std::future<int>> threads;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    threads.push_back(std::async(std::launch::async, [&, seed] {
      core::Rng rng(seed);
      int wrong = 0;
      for (int i = 0; i < 20; ++i) {
        const Box3 box = random_box(rng, GetParam().shape);
        wrong += volume->read(box) == cut(values, box) ? 0 : 1;
      }
      return wrong;
    }));
  }
  for (auto& thread : threads) {
    EXPECT_EQ(thread.get(), 0);
  }
}

TEST_P(StoreBehaviour, NothingIsVisibleBeforeFinish) {
  const auto output = create(path(), create_options(GetParam()));
  output->write(core::whole(GetParam().shape), truth());
  EXPECT_FALSE(std::filesystem::exists(path()));
  output->finish();
  output->finish();
  EXPECT_TRUE(std::filesystem::exists(path()));
  const auto files = std::distance(std::filesystem::directory_iterator(folder_.path()), {});
  EXPECT_EQ(files, 1);
}

TEST_P(StoreBehaviour, RefusesToOverwriteUnlessAsked) {
  store(truth());
  CreateOptions options = create_options(GetParam());
  EXPECT_THROW(create(path(), options), Error);
  options.overwrite = true;
  const core::Array other =
      random_array(GetParam().dtype, GetParam().channels, GetParam().shape, 8);
  const auto output = create(path(), options);
  output->write(core::whole(GetParam().shape), other);
  EXPECT_TRUE(open(path())->read(core::whole(GetParam().shape)) == truth());
  output->finish();
  EXPECT_TRUE(open(path())->read(core::whole(GetParam().shape)) == other);
}

TEST_P(StoreBehaviour, WritesUnitsInOrder) {
  const core::Array values = truth();
  const auto output = create(path(), create_options(GetParam()));
  const std::int64_t step = output->write_unit()[0];
  for (std::int64_t z = 0; z < GetParam().shape[0]; z += step) {
    const Box3 slab{
        {z, 0, 0},
        {std::min(step, GetParam().shape[0] - z), GetParam().shape[1], GetParam().shape[2]}};
    EXPECT_FALSE(output->is_written(slab));
    output->write(slab, cut(values, slab));
    EXPECT_TRUE(output->is_written(slab));
  }
  output->finish();
  EXPECT_TRUE(open(path())->read(core::whole(GetParam().shape)) == values);
}

/// What formats promise besides that take boxes in any order and can be continued.
class StoreAnyOrder : public StoreBehaviour {};

TEST_P(StoreAnyOrder, MergesBoxesThatCutUnits) {
  core::Array values(GetParam().dtype, GetParam().channels, GetParam().shape);
  const auto output = create(path(), create_options(GetParam()));
  core::Rng rng(11);
  for (std::uint64_t i = 0; i < 25; ++i) {
    const Box3 box = random_box(rng, GetParam().shape);
    const core::Array part = random_array(GetParam().dtype, GetParam().channels, box.shape, i);
    output->write(box, part);
    core::copy_overlap(part, box.start, values, {0, 0, 0});
    const Box3 check = random_box(rng, GetParam().shape);
    ASSERT_TRUE(output->read(check) == cut(values, check)) << core::to_string(check);
  }
  output->finish();
  EXPECT_TRUE(output->read(core::whole(GetParam().shape)) == values);
  EXPECT_TRUE(open(path())->read(core::whole(GetParam().shape)) == values);
}

TEST_P(StoreAnyOrder, WritesFromSeveralThreads) {
  const core::Array values = truth();
  const auto output = create(path(), create_options(GetParam()));
  std::vector<std::future<void>> threads;
  for (std::int64_t y = 0; y < GetParam().shape[1]; y += 10) {  // cuts slices, shards and chunks
    threads.push_back(std::async(std::launch::async, [&, y] {
      const Box3 box{{0, y, 0},
                     {GetParam().shape[0], std::min<std::int64_t>(10, GetParam().shape[1] - y),
                      GetParam().shape[2]}};
      output->write(box, cut(values, box));
    }));
  }
  for (auto& thread : threads) {
    thread.get();
  }
  output->finish();
  EXPECT_TRUE(open(path())->read(core::whole(GetParam().shape)) == values);
}

TEST_P(StoreAnyOrder, ContinuesWorkOfTheSamePlan) {
  const core::Array values = truth();
  CreateOptions options = create_options(GetParam());
  options.resume_key = "plan 1";
  const Vec3 unit = create(path(), options)->write_unit();
  const Box3 first = core::intersect(core::whole(GetParam().shape), {{0, 0, 0}, unit});
  create(path(), options)->write(first, cut(values, first));
  const auto output = create(path(), options);
  EXPECT_TRUE(output->is_written(first));
  EXPECT_TRUE(output->read(first) == cut(values, first));
  options.resume_key = "plan 2";
  EXPECT_THROW(create(path(), options), Error);
  options.overwrite = true;
  EXPECT_FALSE(create(path(), options)->is_written(first));
}

std::vector<FormatCase> all_formats() {
  std::vector<FormatCase> cases;
  for (const DType dtype : {DType::u8, DType::u16}) {
    const std::string suffix = dtype == DType::u8 ? "U8" : "U16";
    cases.push_back(
        {.name = "Png" + suffix, .extension = ".png", .dtype = dtype, .shape = {1, 40, 37}});
    cases.push_back({.name = "Folder" + suffix, .extension = "", .dtype = dtype});
    cases.push_back({.name = "Tiff" + suffix,
                     .extension = ".tif",
                     .dtype = dtype,
                     .writing = Writing::slabs_in_order});
  }
  cases.push_back({.name = "FolderColour", .extension = "", .channels = 3});
  for (const DType dtype : {DType::u32, DType::f32}) {
    cases.push_back({.name = "Tiff_" + std::string(core::name_of(dtype)),
                     .extension = ".tiff",
                     .dtype = dtype,
                     .writing = Writing::slabs_in_order});
  }
  cases.push_back({.name = "TiffChannels",
                   .extension = ".tif",
                   .channels = 4,
                   .writing = Writing::slabs_in_order});
  cases.push_back({.name = "TiffManyStrips",
                   .extension = ".tif",
                   .dtype = DType::u16,
                   .shape = {2, 700, 300},
                   .writing = Writing::slabs_in_order});
  for (const DType dtype : {DType::u8, DType::u64, DType::f32}) {
    cases.push_back({.name = "Zarr_" + std::string(core::name_of(dtype)),
                     .extension = ".zarr",
                     .dtype = dtype,
                     .shape = {11, 40, 37},
                     .chunk = {4, 8, 16},
                     .shard = {8, 16, 32}});
  }
  cases.push_back({.name = "ZarrChannels",
                   .extension = ".zarr",
                   .shape = {11, 40, 37},
                   .channels = 3,
                   .chunk = {4, 8, 16},
                   .shard = {4, 16, 32}});
  cases.push_back({.name = "ZarrDefaultGrid", .extension = ".zarr"});
  return cases;
}

std::vector<FormatCase> formats_in_any_order() {
  std::vector<FormatCase> cases = all_formats();
  std::erase_if(cases, [](const FormatCase& c) { return c.writing == Writing::slabs_in_order; });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Formats, StoreAnyOrder, ::testing::ValuesIn(formats_in_any_order()),
                         [](const auto& tested) { return tested.param.name; });
INSTANTIATE_TEST_SUITE_P(Formats, StoreBehaviour, ::testing::ValuesIn(all_formats()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace retina::store
