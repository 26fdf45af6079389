#include "retina/store/n5/n5.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/store/behaviour.h"
#include "retina/store/n5/n5_block.h"
#include "retina/store/n5/n5_metadata.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

namespace fs = std::filesystem;

void append_big_endian(std::vector<std::byte>& out, std::int64_t value, int size) {
  for (int i = size; i-- > 0;) {
    out.push_back(static_cast<std::byte>(value >> (8 * i)));
  }
}

/// A block file as N5 writes it: cut at the border, values big endian.
std::vector<std::byte> n5_block(const core::Array& part, const std::optional<CompressionStep>& how,
                                int mode) {
  std::vector<std::byte> out;
  append_big_endian(out, mode, 2);
  append_big_endian(out, 3, 2);
  for (std::size_t i = 3; i-- > 0;) {
    append_big_endian(out, part.shape()[i], 4);
  }
  if (mode == 1) {
    append_big_endian(out, part.elements(), 4);
  }
  std::vector<std::byte> values(part.bytes().begin(), part.bytes().end());
  const auto size = static_cast<std::ptrdiff_t>(core::size_of(part.dtype()));
  for (auto it = values.begin(); it != values.end(); it += size) {
    std::reverse(it, it + size);
  }
  const auto stored = how ? compress(*how, values) : values;
  out.insert(out.end(), stored.begin(), stored.end());
  return out;
}

Json n5_attributes(const core::Array& values, const core::Vec3& block, const std::string& type) {
  const core::Vec3& shape = values.shape();
  return {{"dimensions", {shape[2], shape[1], shape[0]}},
          {"blockSize", {block[2], block[1], block[0]}},
          {"dataType", core::name_of(values.dtype())},
          {"compression", {{"type", type}}}};
}

/// A dataset of `values` in blocks of 4 x 8 x 16.
void write_n5(const fs::path& folder, const core::Array& values, const std::string& type,
              int mode = 0) {
  const core::Vec3 block{4, 8, 16};
  fs::create_directories(folder);
  const Json attributes = n5_attributes(values, block, type);
  std::ofstream(folder / "attributes.json") << attributes;
  std::optional<CompressionStep> how = parse_n5_metadata(attributes).compression;
  if (how) {
    how->level = 3;
    how->compressor = "lz4";
    how->typesize = core::size_of(values.dtype());
  }
  core::Vec3 at{};
  for (at[0] = 0; at[0] < values.shape()[0]; at[0] += block[0]) {
    for (at[1] = 0; at[1] < values.shape()[1]; at[1] += block[1]) {
      for (at[2] = 0; at[2] < values.shape()[2]; at[2] += block[2]) {
        const core::Box3 box = core::intersect({at, block}, core::whole(values.shape()));
        const fs::path column =
            folder / std::to_string(at[2] / block[2]) / std::to_string(at[1] / block[1]);
        fs::create_directories(column);
        core::write_atomically(column / std::to_string(at[0] / block[0]),
                               n5_block(cut(values, box), how, mode));
      }
    }
  }
}

std::string message_of_n5_file(const fs::path& path) {
  try {
    const auto volume = open(path.string());
    volume->read(core::whole(volume->shape()));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "read";
}

core::Array n5_values() {
  return random_array(core::DType::u16, 1, {5, 10, 20}, 3);
}

TEST(N5, APyramidOpensItsFullSizeAndEachLevelHasItsScale) {
  const testing::TempFolder folder;
  write_n5(folder / "x.n5/em/s0", n5_values(), "gzip");
  write_n5(folder / "x.n5/em/s1", n5_values(), "gzip");
  Json level = core::read_json(folder / "x.n5/em/s1/attributes.json");
  level["downsamplingFactors"] = {2, 2, 1};
  std::ofstream(folder / "x.n5/em/s1/attributes.json") << level;
  std::ofstream(folder / "x.n5/em/attributes.json")
      << R"({"resolution":[4,4,40],"offset":[8,12,80],"units":"nm"})";
  std::ofstream(folder / "x.n5/attributes.json") << R"({"n5":"2.5.1"})";
  for (const char* name : {"x.n5", "x.n5:em", "x.n5:/em/s0"}) {
    const auto volume = open((folder / name).string());
    EXPECT_EQ(volume->info().voxel_nm, (core::Vec3d{40, 4, 4})) << name;
    EXPECT_EQ(volume->info().offset_nm, (core::Vec3d{80, 12, 8})) << name;
  }
  const auto coarse = open((folder / "x.n5:em/s1").string());
  EXPECT_EQ(coarse->info().voxel_nm, (core::Vec3d{40, 8, 8}));
  EXPECT_EQ(coarse->info().offset_nm, (core::Vec3d{80, 14, 10}));
}

TEST(N5, SeveralDatasetsAreListed) {
  const testing::TempFolder folder;
  write_n5(folder / "x.n5/volumes/raw", n5_values(), "raw");
  EXPECT_THAT(open((folder / "x.n5").string())->info().notes,
              ::testing::Contains(::testing::HasSubstr("volumes/raw")));
  write_n5(folder / "x.n5/volumes/labels", n5_values(), "raw");
  for (const char* name : {"x.n5", "x.n5:volumes", "x.n5:/volumes/rave"}) {
    EXPECT_THAT(message_of_n5_file(folder / name), ::testing::HasSubstr("raw")) << name;
  }
  EXPECT_THAT(message_of_n5_file(folder / "x.n5"), ::testing::HasSubstr("x.n5:volumes/labels"));
  EXPECT_EQ(list_datasets(folder / "x.n5"),
            (std::vector<std::string>{"volumes/labels", "volumes/raw"}));
  EXPECT_EQ(list_datasets((folder / "x.n5").string() + ":volumes"),
            (std::vector<std::string>{"labels", "raw"}));
  EXPECT_EQ(list_datasets((folder / "x.n5").string() + ":volumes/raw"),
            (std::vector<std::string>{""}));
}

TEST(N5, FourDimensionsNeedAxes) {
  const testing::TempFolder folder;
  fs::create_directories(folder / "x.n5");
  std::ofstream(folder / "x.n5/attributes.json")
      << R"({"dimensions":[6,5,4,2],"blockSize":[6,5,4,1],"dataType":"uint8",
             "compression":{"type":"raw"}})";
  EXPECT_THAT(message_of_n5_file(folder / "x.n5"), ::testing::HasSubstr("--axes czyx"));
  OpenOptions options;
  options.axes = "czyx";
  const auto volume = open((folder / "x.n5").string(), options);
  EXPECT_EQ(volume->info().channels, 2);
  EXPECT_EQ(volume->shape(), (core::Vec3{4, 5, 6}));
}

TEST(N5, MissingBlocksHoldZeros) {
  const testing::TempFolder folder;
  core::Array values = n5_values();
  write_n5(folder / "x.n5", values, "gzip");
  fs::remove(folder / "x.n5/0/0/0");
  const core::Array found = open((folder / "x.n5").string())->read(core::whole(values.shape()));
  EXPECT_EQ(found.at<std::uint16_t>(0, 3, 7, 15), 0);
  EXPECT_EQ(found.at<std::uint16_t>(0, 4, 9, 19), values.at<std::uint16_t>(0, 4, 9, 19));
}

TEST(N5, EveryDamageOfABlockNamesItsFile) {
  const testing::TempFolder folder;
  write_n5(folder / "x.n5", n5_values(), "gzip");
  const fs::path file = folder / "x.n5/1/1/0";
  const std::vector<std::byte> sound = core::read_bytes(file);
  for (std::size_t size = 0; size < sound.size(); size += 3) {
    core::write_atomically(file, std::span(sound).first(size));
    EXPECT_THAT(message_of_n5_file(folder / "x.n5"), ::testing::HasSubstr(file.string()));
  }
  const std::vector<std::pair<std::size_t, int>> changes{
      {1, 2}, {3, 2}, {4, 127}, {5, 255}, {15, 9}};
  for (const auto& [at, value] : changes) {
    std::vector<std::byte> bytes = sound;
    bytes[at] = static_cast<std::byte>(value);
    core::write_atomically(file, bytes);
    EXPECT_THAT(message_of_n5_file(folder / "x.n5"), ::testing::HasSubstr(file.string())) << at;
  }
  fs::resize_file(file, std::uintmax_t{1} << 40);  // sparse
  EXPECT_THAT(message_of_n5_file(folder / "x.n5"), ::testing::HasSubstr(file.string()));
}

TEST(N5, LabelMultisetsAreRefused) {
  const testing::TempFolder folder;
  write_n5(folder / "x.n5", n5_values(), "raw", 1);
  const fs::path file = folder / "x.n5/0/0/0";
  std::vector<std::byte> bytes = core::read_bytes(file);
  bytes[19] = std::byte{7};  // the count of values
  core::write_atomically(file, bytes);
  EXPECT_THAT(message_of_n5_file(folder / "x.n5"), ::testing::HasSubstr("multisets"));
}

TEST(N5, AGroupWithoutDatasetsIsRefused) {
  const testing::TempFolder folder;
  fs::create_directories(folder / "x.n5/a");
  std::ofstream(folder / "x.n5/attributes.json") << R"({"n5":"2.5.1"})";
  EXPECT_THAT(message_of_n5_file(folder / "x.n5"), ::testing::HasSubstr("without datasets"));
  std::ofstream(folder / "x.n5/attributes.json") << "[1]";
  EXPECT_THAT(message_of_n5_file(folder / "x.n5"), ::testing::HasSubstr("attributes.json"));
}

std::vector<FormatCase> n5_cases() {
  std::vector<FormatCase> cases;
  for (const char* type : {"raw", "gzip", "zstd", "blosc"}) {
    for (const auto dtype :
         {core::DType::u8, core::DType::i16, core::DType::u64, core::DType::f32}) {
      cases.push_back({.name = std::string(type) + "_" + std::string(core::name_of(dtype)),
                       .extension = ".n5",
                       .dtype = dtype,
                       .shape = {11, 20, 37},
                       .make = [type](const std::string& path, const core::Array& values) {
                         write_n5(path, values, type);
                       }});
    }
  }
  cases.push_back({.name = "VarLength",
                   .extension = ".n5",
                   .inner = ":/volumes/raw",
                   .make = [](const std::string& path, const core::Array& values) {
                     std::string folder = path;
                     write_n5(folder.replace(folder.find(":/"), 1, ""), values, "gzip", 1);
                   }});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(N5, StoreReading, ::testing::ValuesIn(n5_cases()), name_of_case);

}  // namespace
}  // namespace retina::store
