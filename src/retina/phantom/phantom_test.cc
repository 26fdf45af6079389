#include "retina/phantom/phantom.h"

#include <map>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/rng.h"

namespace retina::phantom {
namespace {

using core::Array;
using core::Box3;
using core::Vec3;

PhantomOptions phantom_of(std::vector<std::int64_t> shape, std::uint64_t seed) {
  PhantomOptions options;
  options.shape = std::move(shape);
  options.seed = seed;
  return options;
}

Array crop(const Array& whole, const Box3& box) {
  Array part(whole.dtype(), 1, box.shape);
  core::copy_overlap(whole, {0, 0, 0}, part, box.start);
  return part;
}

Box3 random_box(core::Rng& rng, const Vec3& shape) {
  Box3 box;
  for (std::size_t a = 0; a < 3; ++a) {
    box.start[a] = rng.integer(0, shape[a] - 1);
    box.shape[a] = rng.integer(1, std::min<std::int64_t>(24, shape[a] - box.start[a]));
  }
  return box;
}

void expect_any_box_equals_its_part(const PhantomOptions& options) {
  const Phantom phantom(options);
  const PhantomBlock whole = phantom.block(core::whole(phantom.shape()));
  core::Rng rng(1);
  for (int i = 0; i < 12; ++i) {
    const Box3 box = random_box(rng, phantom.shape());
    const PhantomBlock part = phantom.block(box);
    EXPECT_EQ(part.image, crop(whole.image, box)) << core::to_string(box);
    EXPECT_EQ(part.semantic, crop(whole.semantic, box)) << core::to_string(box);
    EXPECT_EQ(part.instances, crop(whole.instances, box)) << core::to_string(box);
    EXPECT_EQ(part.semantic, phantom.semantic(box)) << core::to_string(box);
  }
}

/// The best IoU of {low <= grey <= high} with the mitochondria over all bands, one-sided thresholds
/// included.
double best_band_iou(const PhantomBlock& block) {
  std::array<double, 256> all{};
  std::array<double, 256> mitochondria{};
  double total = 0;
  const auto image = block.image.values<std::uint8_t>();
  const auto semantic = block.semantic.values<std::uint8_t>();
  for (std::size_t i = 0; i < image.size(); ++i) {
    all[image[i]] += 1;
    if (semantic[i] == static_cast<std::uint8_t>(Structure::mitochondria)) {
      mitochondria[image[i]] += 1;
      total += 1;
    }
  }
  double best = 0;
  for (std::size_t low = 0; low < 256; ++low) {
    double inside = 0;
    double hit = 0;
    for (std::size_t high = low; high < 256; ++high) {
      inside += all[high];
      hit += mitochondria[high];
      best = std::max(best, hit / (total + inside - hit));
    }
  }
  return best;
}

double share_of(const Array& semantic, Structure structure) {
  const auto values = semantic.values<std::uint8_t>();
  const auto count = std::count(values.begin(), values.end(), static_cast<std::uint8_t>(structure));
  return static_cast<double>(count) / static_cast<double>(values.size());
}

/// Number of 6-connected parts of each instance.
std::map<std::uint32_t, int> parts_of_instances(const Array& instances) {
  const Vec3& s = instances.shape();
  const auto ids = instances.values<std::uint32_t>();
  const std::int64_t strides[3] = {s[1] * s[2], s[2], 1};
  std::vector<char> seen(ids.size());
  std::map<std::uint32_t, int> parts;
  std::vector<std::int64_t> stack;
  for (std::size_t first = 0; first < ids.size(); ++first) {
    if (ids[first] == 0 || seen[first] != 0) {
      continue;
    }
    ++parts[ids[first]];
    seen[first] = 1;
    stack.push_back(static_cast<std::int64_t>(first));
    while (!stack.empty()) {
      const std::int64_t at = stack.back();
      stack.pop_back();
      for (std::size_t a = 0; a < 3; ++a) {
        const std::int64_t place = at / strides[a] % s[a];
        for (const std::int64_t step : {std::int64_t{-1}, std::int64_t{1}}) {
          const auto next = static_cast<std::size_t>(at + step * strides[a]);
          if (place + step >= 0 && place + step < s[a] && seen[next] == 0 &&
              ids[next] == ids[first]) {
            seen[next] = 1;
            stack.push_back(static_cast<std::int64_t>(next));
          }
        }
      }
    }
  }
  return parts;
}

TEST(Phantom, AnyBoxEqualsThePartOfTheWhole) {
  expect_any_box_equals_its_part(phantom_of({40, 60, 70}, 3));
}

TEST(Phantom, AnyBoxEqualsThePartOfTheWholeWithThickDamagedSections) {
  PhantomOptions options = phantom_of({10, 70, 60}, 4);
  options.voxel_nm = {40, 6, 6};
  options.imaging.section_jitter_nm = 12;
  options.imaging.artefacts = {.knife_mark = 0.5, .fold = 0.5, .exposure = 0.5, .precipitate = 2};
  expect_any_box_equals_its_part(options);
}

TEST(Phantom, BoxesLargerThanAPieceAreSeamless) {
  const Phantom phantom(phantom_of({70, 20, 300}, 5));
  const PhantomBlock whole = phantom.block(core::whole(phantom.shape()));
  const Box3 across{{60, 4, 250}, {9, 10, 20}};
  EXPECT_EQ(phantom.image(across), crop(whole.image, across));
  EXPECT_EQ(phantom.instances(across), crop(whole.instances, across));
}

TEST(Phantom, SameSeedSameVolumeOtherSeedAnother) {
  const Box3 box{{0, 0, 0}, {8, 40, 40}};
  const Array image = Phantom(phantom_of({8, 40, 40}, 6)).image(box);
  EXPECT_EQ(image, Phantom(phantom_of({8, 40, 40}, 6)).image(box));
  EXPECT_NE(image, Phantom(phantom_of({8, 40, 40}, 7)).image(box));
}

TEST(Phantom, ImageDoesNotDependOnTheShapeOfTheVolume) {
  const Box3 box{{0, 0, 0}, {8, 40, 40}};
  EXPECT_EQ(Phantom(phantom_of({8, 40, 40}, 6)).image(box),
            Phantom(phantom_of({900, 2000, 4000}, 6)).image(box));
}

TEST(Phantom, InstancesAreNonzeroExactlyInMitochondria) {
  const Phantom phantom(phantom_of({96, 96, 96}, 8));
  const PhantomBlock truth = phantom.truth(core::whole(phantom.shape()));
  const auto semantic = truth.semantic.values<std::uint8_t>();
  const auto instances = truth.instances.values<std::uint32_t>();
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < semantic.size(); ++i) {
    const bool inside = semantic[i] == static_cast<std::uint8_t>(Structure::mitochondria);
    wrong += inside != (instances[i] != 0) ? 1 : 0;
  }
  EXPECT_EQ(wrong, 0U);
}

/// Ids on the faces of the volume: an object cut there may rightly show as several parts.
std::set<std::uint32_t> ids_on_faces(const Array& instances) {
  const Vec3& s = instances.shape();
  std::set<std::uint32_t> ids;
  for (std::size_t a = 0; a < 3; ++a) {
    for (const std::int64_t at : {std::int64_t{0}, s[a] - 1}) {
      const Array face = crop(instances, core::slice_box(s, static_cast<int>(a), at));
      const auto values = face.values<std::uint32_t>();
      ids.insert(values.begin(), values.end());
    }
  }
  return ids;
}

TEST(Phantom, AnInstanceInsideTheVolumeIsOneObject) {
  int objects = 0;
  for (const std::uint64_t seed : {9, 10, 11}) {
    PhantomOptions options = phantom_of({128, 160, 160}, seed);
    options.imaging.section_jitter_nm = 0;
    const Phantom phantom(options);
    const Array instances = phantom.instances(core::whole(phantom.shape()));
    const std::set<std::uint32_t> cut = ids_on_faces(instances);
    for (const auto& [id, parts] : parts_of_instances(instances)) {
      if (!cut.contains(id)) {
        EXPECT_EQ(parts, 1) << "seed " << seed << ", instance " << id;
        ++objects;
      }
    }
  }
  EXPECT_GT(objects, 6);
}

TEST(Phantom, SharesOfStructuresAreThoseOfTissue) {
  double mitochondria = 0;
  double membrane = 0;
  double small = 0;
  constexpr int kSeeds = 6;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Phantom phantom(phantom_of({24, 256, 256}, seed));
    const Array semantic = phantom.semantic(core::whole(phantom.shape()));
    mitochondria += share_of(semantic, Structure::mitochondria) / kSeeds;
    membrane += share_of(semantic, Structure::membrane) / kSeeds;
    small += share_of(semantic, Structure::vesicle) / kSeeds;
  }
  EXPECT_THAT(mitochondria, testing::AllOf(testing::Gt(0.06), testing::Lt(0.12)));
  EXPECT_THAT(membrane, testing::AllOf(testing::Gt(0.08), testing::Lt(0.25)));
  EXPECT_THAT(small, testing::AllOf(testing::Gt(0.001), testing::Lt(0.02)));
}

TEST(Phantom, GreyValueAloneDoesNotFindMitochondria) {
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const Phantom phantom(phantom_of({96, 96, 96}, seed));
    EXPECT_LT(best_band_iou(phantom.block(core::whole(phantom.shape()))), 0.35) << "seed " << seed;
  }
}

TEST(Phantom, DensityScalesMitochondria) {
  PhantomOptions options = phantom_of({16, 128, 128}, 2);
  options.mitochondria_density = 0;
  const Phantom none(options);
  EXPECT_EQ(share_of(none.semantic(core::whole(none.shape())), Structure::mitochondria), 0);
}

TEST(Phantom, ThreadsSeeTheSameVoxels) {
  const Phantom phantom(phantom_of({32, 64, 64}, 12));
  const Array whole = phantom.image(core::whole(phantom.shape()));
  std::array<Array, 4> parts;
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    threads.emplace_back([&phantom, &parts, i] {
      parts[i] = phantom.image({{static_cast<std::int64_t>(i) * 8, 0, 0}, {8, 64, 64}});
    });
  }
  threads.clear();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    EXPECT_EQ(parts[i], crop(whole, {{static_cast<std::int64_t>(i) * 8, 0, 0}, {8, 64, 64}}));
  }
}

TEST(Phantom, RefusesABoxOutside) {
  const Phantom phantom(phantom_of({8, 8, 8}, 0));
  EXPECT_THROW(phantom.image({{0, 0, 4}, {8, 8, 8}}), Error);
}

TEST(PhantomOptions, ReportsAllProblems) {
  PhantomOptions options;
  options.shape = {10, 10};
  options.voxel_nm = {8, -1, 8};
  options.cell_nm = 1;
  EXPECT_EQ(options.validate().size(), 3U);
  EXPECT_THROW(Phantom{options}, Error);
}

TEST(PhantomOptions, AcceptsAHundredGibibytes) {
  EXPECT_TRUE(phantom_of({4800, 4800, 4800}, 0).validate().empty());
}

TEST(PhantomVolume, ReadsEachChannel) {
  const auto phantom = std::make_shared<const Phantom>(phantom_of({16, 32, 32}, 13));
  const Box3 box{{3, 4, 5}, {6, 7, 8}};
  const PhantomBlock block = phantom->block(box);
  EXPECT_EQ(PhantomVolume(phantom, PhantomChannel::image).read(box), block.image);
  EXPECT_EQ(PhantomVolume(phantom, PhantomChannel::semantic).read(box), block.semantic);
  const PhantomVolume instances(phantom, PhantomChannel::instances);
  EXPECT_EQ(instances.read(box), block.instances);
  EXPECT_EQ(instances.info().dtype, core::DType::u32);
  EXPECT_EQ(instances.info().voxel_nm, (core::Vec3d{8, 8, 8}));
}

}  // namespace
}  // namespace retina::phantom
