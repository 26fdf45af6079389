#pragma once

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "retina/core/array.h"
#include "retina/core/rng.h"
#include "retina/store/location.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

/// Small downloads in the layout of each published data set, as `retina prepare` finds them.
namespace retina::pipeline::downloads {

namespace fs = std::filesystem;

using core::Array;
using core::DType;
using core::Vec3;

inline constexpr std::uint64_t kBackgroundId = ~0ULL;
inline constexpr std::uint64_t kInvalidId = ~0ULL - 1;

/// Random values out of `choices`.
template <class T>
inline Array drawn(const Vec3& shape, const std::vector<T>& choices, std::uint64_t seed,
                   int channels = 1) {
  Array values(core::dtype_of<T>(), channels, shape);
  core::Rng rng(seed);
  for (T& value : values.values<T>()) {
    value = choices[static_cast<std::size_t>(
        rng.integer(0, static_cast<std::int64_t>(choices.size()) - 1))];
  }
  return values;
}

inline Array drawn_greys(const Vec3& shape, std::uint64_t seed) {
  std::vector<std::uint8_t> all(256);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = static_cast<std::uint8_t>(i);
  }
  return drawn(shape, all, seed);
}

struct Placement {
  std::optional<core::Vec3d> voxel_nm = {};
  core::Vec3d offset_nm{0, 0, 0};
};

inline void put(const fs::path& path, const Array& values, const Placement& place = {}) {
  fs::create_directories(store::parse_location(path.string()).file.parent_path());
  store::CreateOptions options;
  options.dtype = values.dtype();
  options.channels = values.channels();
  options.shape = values.shape();
  options.voxel_nm = place.voxel_nm;
  options.offset_nm = place.offset_nm;
  const auto file = store::create(path.string(), options);
  file->write(core::whole(values.shape()), values);
  file->finish();
}

/// A plain NIfTI-1 file of float or uint8 voxels; the header has no unit of length, as in UroCell.
inline void put_nifti(const fs::path& path, const Array& values) {
  std::array<char, 352> header{};
  const auto set = [&](std::size_t at, auto value) {
    std::memcpy(&header[at], &value, sizeof value);
  };
  const Vec3& n = values.shape();
  const bool is_real = values.dtype() == DType::f32;
  set(0, std::int32_t{348});
  set(40, std::int16_t{3});
  for (std::size_t i = 0; i < 7; ++i) {
    set(42 + 2 * i, static_cast<std::int16_t>(i < 3 ? n[2 - i] : 1));
    set(80 + 4 * i, 1.0F);
  }
  set(70, static_cast<std::int16_t>(is_real ? 16 : 2));
  set(72, static_cast<std::int16_t>(is_real ? 32 : 8));
  set(76, 1.0F);
  set(108, 352.0F);
  std::memcpy(&header[344], "n+1", 4);
  fs::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out.write(header.data(), header.size());
  out.write(reinterpret_cast<const char*>(values.bytes().data()),
            static_cast<std::streamsize>(values.bytes().size()));
}

struct CremiSample {
  Array raw;
  Array clefts;
};

inline CremiSample cremi_sample_for_test(std::uint64_t seed) {
  return {drawn_greys({5, 18, 20}, seed),
          drawn<std::uint64_t>({5, 18, 20}, {kBackgroundId, kInvalidId, 7, 0}, seed + 1)};
}

/// Samples A, B and C in `folder`/in.
inline std::vector<CremiSample> put_cremi(const testing::TempFolder& folder) {
  std::vector<CremiSample> samples;
  for (const std::string letter : {"A", "B", "C"}) {
    samples.push_back(cremi_sample_for_test(10 * samples.size()));
    const std::string file = (folder / "in/sample_").string() + letter + "_20160501.hdf";
    put(file + ":/volumes/raw", samples.back().raw, {.voxel_nm = core::Vec3d{40, 4, 4}});
    put(file + ":/volumes/labels/clefts", samples.back().clefts,
        {.voxel_nm = core::Vec3d{40, 4, 4}});
  }
  return samples;
}

/// The three files of one block, in float and uint8.
inline Array put_urocell(const testing::TempFolder& folder, const std::string& stem,
                         const Vec3& shape, std::uint64_t seed) {
  const Array greys = drawn_greys(shape, seed);
  put_nifti(folder / "in/data" / (stem + ".nii"), core::convert(greys, DType::f32));
  put_nifti(folder / "in/lyso/binary" / (stem + ".nii"),
            drawn<std::uint8_t>(shape, {0, 0, 1}, seed + 1));
  put_nifti(folder / "in/mito/binary" / (stem + ".nii"),
            drawn<std::uint8_t>(shape, {0, 1}, seed + 2));
  return greys;
}

/// Three pairs of stacks; the images span -1000 to 1550.
inline void put_guay(const fs::path& folder) {
  for (const std::string stem : {"train", "eval", "test"}) {
    Array image = drawn<std::int16_t>({4, 18, 20}, {-1000, 275, 1550}, 5);
    put(folder / (stem + "-images.tif"), image);
    put(folder / (stem + "-labels.tif"),
        drawn<std::uint16_t>({4, 18, 20}, {0, 1, 2, 3, 4, 5, 6}, 6));
  }
}

inline void put_kasthuri(const testing::TempFolder& folder) {
  for (const std::string part : {"Train", "Test"}) {
    for (int i = 0; i < 2; ++i) {
      const std::string number = std::to_string(i);
      put(folder / ("in/Kasthuri++/" + part + "_In/mask000" + number + ".png"),
          drawn_greys({1, 18, 20}, 1));
      put(folder / ("in/Kasthuri++/" + part + "_Out/" + number + ".png"),
          drawn<std::uint8_t>({1, 18, 20}, {0, 2, 255}, 7, 3));
    }
  }
}

/// One image of every organelle for training and one for testing; 200 is outside the tissue.
inline void put_perez(const testing::TempFolder& folder) {
  const fs::path in = folder / "in/supplemental_data";
  for (const auto& [images, masks] : {std::pair{"training_images", "training_labels"},
                                      std::pair{"test_images", "ground_truth"}}) {
    for (const char* organelle : {"lysosomes", "mitochondria", "nuclei", "nucleoli"}) {
      put(in / images / organelle / "vol_orig.012.png", drawn_greys({1, 18, 20}, 1));
      put(in / masks / organelle / "vol_labels.012.png",
          drawn<std::uint8_t>({1, 18, 20}, {0, 1, 200}, 2));
    }
  }
}

}  // namespace retina::pipeline::downloads
