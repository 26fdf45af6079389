#pragma once

// Both ways against the Python packages of the field: what the tests of each format share. They are
// skipped where the tools environment (.tools, made by ./dev test) is absent.
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "retina/core/array.h"
#include "retina/core/json.h"
#include "retina/store/output.h"
#include "retina/testing/fixtures.h"
#include "retina/testing/python_script.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {

using testing::run_script;
using testing::tools_python;

/// The values that expected() of the Python scripts gives.
core::Array conformance_values(core::DType dtype, int channels, const core::Vec3& shape);

struct WrittenCase {
  std::string path;
  core::DType dtype = core::DType::u8;
  int channels = 1;
  core::Vec3 shape{9, 70, 83};
  std::string dimensions = "czyx";  ///< of the array in Python
  Compression compression = Compression::automatic;
  ZarrVersion zarr_version = ZarrVersion::v0_5;
};

/// Writes the values of a case with the library, voxels of 50 x 4.6 x 4.6 nm (OME-Zarr: the first
/// at 100, 9.2, 0 nm), and describes it for the Python script.
Json write_case(const std::filesystem::path& folder, const WrittenCase& written, int levels);

/// Writes expected.json, from which `SCRIPT read FOLDER` knows what to compare.
void save_cases(const std::filesystem::path& folder, const Json& cases);

/// A Python script whose `write FOLDER` makes files and expected.json: `path`, `shape`, `dtype`,
/// and, where they are to be compared, `voxel_nm` (null = not stated), `offset_nm`, `axes`,
/// `format`, `note` (a part of one of them).
struct PythonWriter {
  std::string name;
  std::string script;
};

/// Everything that Python wrote is read with equal values. Instantiated by each format.
class ConformanceOfReadersE2e : public ::testing::TestWithParam<PythonWriter> {};

}  // namespace retina::store
