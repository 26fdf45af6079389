// The tests of behaviour.h.
#include "retina/store/behaviour.h"

#include <algorithm>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "retina/core/rng.h"
#include "retina/store/open.h"

namespace retina::store {

using core::Box3;
using core::DType;
using core::Vec3;

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

namespace {

CreateOptions create_options(const FormatCase& format) {
  CreateOptions options;
  options.dtype = format.dtype;
  options.channels = format.channels;
  options.shape = format.shape;
  options.chunk = format.chunk;
  options.shard = format.shard;
  options.zarr_version = format.zarr_version;
  return options;
}

}  // namespace

std::string StoreReading::path() const {
  return (folder_ / ("volume" + GetParam().extension)).string() + GetParam().inner;
}

core::Array StoreReading::truth() const {
  return random_array(GetParam().dtype, GetParam().channels, GetParam().shape, 7);
}

void StoreReading::store(const core::Array& values) const {
  if (GetParam().make) {
    GetParam().make(path(), values);
    return;
  }
  const auto output = create(path(), create_options(GetParam()));
  output->write(core::whole(GetParam().shape), values);
  output->finish();
}

TEST_P(StoreReading, DescribesWhatWasWritten) {
  store(truth());
  const auto volume = open(path());
  EXPECT_EQ(volume->shape(), GetParam().shape);
  EXPECT_EQ(volume->info().dtype, GetParam().dtype);
  EXPECT_EQ(volume->info().channels, GetParam().channels);
  EXPECT_FALSE(volume->info().format.empty());
  EXPECT_EQ(volume->info().source, path());
}

TEST_P(StoreReading, ReadsBackTheWhole) {
  const core::Array values = truth();
  store(values);
  EXPECT_TRUE(open(path())->read(core::whole(GetParam().shape)) == values);
}

TEST_P(StoreReading, ReadsAnyBox) {
  const core::Array values = truth();
  store(values);
  const auto volume = open(path());
  core::Rng rng(3);
  for (int i = 0; i < 40; ++i) {
    const Box3 box = random_box(rng, GetParam().shape);
    ASSERT_TRUE(volume->read(box) == cut(values, box)) << core::to_string(box);
  }
}

TEST_P(StoreReading, ReadsEveryCorner) {
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

TEST_P(StoreReading, RefusesBoxesOutside) {
  store(truth());
  const auto volume = open(path());
  const Vec3 shape = GetParam().shape;
  EXPECT_THROW(volume->read({{0, 0, 0}, {shape[0] + 1, 1, 1}}), Error);
  EXPECT_THROW(volume->read({{0, -1, 0}, {1, 1, 1}}), Error);
}

TEST_P(StoreReading, OpenedForReadingRefusesWrites) {
  store(truth());
  const auto volume = open(path());
  EXPECT_THROW(volume->write(core::whole(GetParam().shape), truth()), Error);
}

TEST_P(StoreReading, ReadsFromSeveralThreads) {
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

TEST_P(StoreWriting, NothingIsVisibleBeforeFinish) {
  auto output = create(path(), create_options(GetParam()));
  output->write(core::whole(GetParam().shape), truth());
  EXPECT_FALSE(std::filesystem::exists(path()));
  output->finish();
  output->finish();
  EXPECT_TRUE(std::filesystem::exists(path()));
  output.reset();  // takes its lock's file away
  const auto files = std::distance(std::filesystem::directory_iterator(folder_.path()), {});
  EXPECT_EQ(files, 1);
}

TEST_P(StoreWriting, RefusesToOverwriteUnlessAsked) {
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

TEST_P(StoreWriting, WritesUnitsInOrder) {
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
  auto output = create(path(), options);
  EXPECT_TRUE(output->is_written(first));
  EXPECT_TRUE(output->read(first) == cut(values, first));
  output.reset();  // one writer of an output at a time
  options.resume_key = "plan 2";
  EXPECT_THROW(create(path(), options), Error);
  options.overwrite = true;
  EXPECT_FALSE(create(path(), options)->is_written(first));
}

// A build without some format may leave a suite without cases.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreReading);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreWriting);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreAnyOrder);

}  // namespace retina::store
