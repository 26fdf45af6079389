#pragma once

// What every format promises. behaviour_test.cc holds the tests; a format runs them all by
// instantiating the suites that fit it with its own cases, in its own test file.
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "retina/core/rng.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {

/// One format in one setting.
struct FormatCase {
  std::string name;
  std::string extension;
  core::DType dtype = core::DType::u8;
  core::Vec3 shape{5, 40, 37};
  int channels = 1;
  core::Vec3 chunk{0, 0, 0};
  core::Vec3 shard{0, 0, 0};
  ZarrVersion zarr_version = ZarrVersion::v0_5;
  std::string inner = {};  ///< dataset inside the container, with its separator: ":/volumes/raw"
  /// Makes the file of a format that is only read; formats that are written leave it empty.
  std::function<void(const std::string& path, const core::Array& values)> make = {};
};

inline void PrintTo(const FormatCase& format, std::ostream* out) {
  *out << format.name;
}

core::Array random_array(core::DType dtype, int channels, const core::Vec3& shape,
                         std::uint64_t seed);
core::Array cut(const core::Array& whole, const core::Box3& box);
core::Box3 random_box(core::Rng& rng, const core::Vec3& shape);

/// Reading: every format.
class StoreReading : public ::testing::TestWithParam<FormatCase> {
 protected:
  std::string path() const;
  core::Array truth() const;
  /// Makes the file of the case with these values.
  void store(const core::Array& values) const;

  testing::TempFolder folder_;
};

/// Writing, in slabs of whole planes in order: every format that is written.
class StoreWriting : public StoreReading {};

/// What formats promise besides that take boxes in any order and can be continued.
class StoreAnyOrder : public StoreReading {};

inline std::string name_of_case(const ::testing::TestParamInfo<FormatCase>& tested) {
  return tested.param.name;
}

}  // namespace retina::store
