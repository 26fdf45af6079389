#include "retina/store/zarr/ome_zarr.h"

#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/store/behaviour.h"
#include "retina/store/open.h"
#include "retina/store/zarr/array_metadata.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

std::string write_image(const testing::TempFolder& folder) {
  CreateOptions options;
  options.shape = {4, 70, 66};
  options.voxel_nm = core::Vec3d{8, 8, 8};
  options.pyramid_levels = 1;
  const std::string path = (folder / "x.zarr").string();
  const auto output = create(path, options);
  output->write({{0, 0, 0}, {1, 1, 1}}, core::Array(core::DType::u8, 1, {1, 1, 1}));
  output->finish();
  return path;
}

std::string message_of_zarr(const std::string& path) {
  try {
    open(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "opened";
}

TEST(OmeZarr, LevelsOpenByPathWithTheirScale) {
  const testing::TempFolder folder;
  const std::string path = write_image(folder);
  for (const char* inner : {"/1", ":/1", ":1"}) {
    const auto level = open(path + inner);
    EXPECT_EQ(level->shape(), (core::Vec3{2, 35, 33})) << inner;
    EXPECT_EQ(level->info().voxel_nm, (core::Vec3d{16, 16, 16})) << inner;
    EXPECT_EQ(level->info().offset_nm, (core::Vec3d{4, 4, 4})) << inner;
  }
}

TEST(OmeZarr, DatasetsAreImagesAndPlainArraysButNoLevels) {
  const testing::TempFolder folder;
  const std::string path = write_image(folder);
  CreateOptions options;
  options.shape = {4, 70, 66};
  options.is_labels = true;
  create(path + "/labels/cells", options)->finish();
  EXPECT_EQ(list_datasets(path), (std::vector<std::string>{"", "labels/cells"}));
  EXPECT_EQ(list_datasets(path + ":labels"), (std::vector<std::string>{"cells"}));
  EXPECT_EQ(list_datasets(path + "/1"), (std::vector<std::string>{""}));
}

TEST(OmeZarr, OpeningReadsNoChunks) {
  const testing::TempFolder folder;
  const std::string path = write_image(folder);
  std::filesystem::remove_all(path + "/0/c");
  std::filesystem::remove_all(path + "/1/c");
  core::write_atomically(path + "/1/c", std::string_view("a file where chunks should be"));
  EXPECT_EQ(open(path)->shape(), (core::Vec3{4, 70, 66}));
}

TEST(OmeZarr, AWrongPathListsWhatIsThere) {
  const testing::TempFolder folder;
  EXPECT_THAT(message_of_zarr(write_image(folder) + ":/raw"),
              ::testing::AllOf(::testing::HasSubstr("'raw'"), ::testing::HasSubstr("x.zarr:0, "),
                               ::testing::HasSubstr("x.zarr:1")));
}

TEST(OmeZarr, DamagedMetadataNameTheFile) {
  const testing::TempFolder folder;
  const std::string path = write_image(folder);
  std::ofstream(path + "/0/zarr.json") << "{\"node_type\": \"array\"}";
  EXPECT_THAT(message_of_zarr(path), ::testing::HasSubstr("0/zarr.json"));
  std::ofstream(path + "/zarr.json") << "{\"node_type\": ";
  EXPECT_THAT(message_of_zarr(path), ::testing::HasSubstr("zarr.json"));
}

/// A plain zarr v2 array of one chunk, of the values 0, 1, 2, ... of uint8.
void write_plain_v2(const std::filesystem::path& folder, const Sides& shape,
                    const Json& attributes) {
  std::string values(static_cast<std::size_t>(count_of(shape)), '\0');
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<char>(i);
  }
  std::filesystem::create_directories(folder);
  const Json array{{"zarr_format", 2}, {"shape", shape},        {"chunks", shape},
                   {"dtype", "|u1"},   {"compressor", nullptr}, {"fill_value", nullptr},
                   {"order", "C"},     {"filters", nullptr}};
  std::ofstream(folder / ".zarray") << array;
  std::ofstream(folder / ".zattrs") << attributes;
  std::string key;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    key += i == 0 ? "0" : ".0";
  }
  std::ofstream(folder / key) << values;
}

TEST(OmeZarr, PlainVersion2SaysWhatItTookItFor) {
  const testing::TempFolder folder;
  write_plain_v2(folder / "a.zarr", {2, 3, 4}, Json::object());
  const auto volume = open((folder / "a.zarr").string());
  EXPECT_EQ(volume->info().format, "zarr v2");
  EXPECT_THAT(volume->info().notes, ::testing::ElementsAre(::testing::HasSubstr("zyx")));
  EXPECT_EQ(volume->read({{1, 2, 3}, {1, 1, 1}}).at<std::uint8_t>(0, 0, 0, 0), 23);
}

TEST(OmeZarr, NamesOfDimensionsDecide) {
  const testing::TempFolder folder;
  write_plain_v2(folder / "a.zarr", {2, 3, 4, 2},
                 {{"_ARRAY_DIMENSIONS", {"Z", "y", "x", "channel"}}});
  const auto volume = open((folder / "a.zarr").string());
  EXPECT_EQ(volume->info().axes, "zyxc");
  EXPECT_EQ(volume->info().channels, 2);
  EXPECT_TRUE(volume->info().notes.empty());
  const core::Array last = volume->read({{1, 2, 3}, {1, 1, 1}});
  EXPECT_THAT(last.values<std::uint8_t>(), ::testing::ElementsAre(46, 47));
}

TEST(OmeZarr, AGroupWithOneArrayOpensIt) {
  const testing::TempFolder folder;
  std::filesystem::create_directories(folder / "g.zarr/volumes");
  for (const char* group : {"g.zarr", "g.zarr/volumes"}) {
    std::ofstream(folder / group / ".zgroup") << R"({"zarr_format":2})";
  }
  EXPECT_THAT(message_of_zarr((folder / "g.zarr").string()),
              ::testing::HasSubstr("without arrays"));
  write_plain_v2(folder / "g.zarr/volumes/raw", {2, 3, 4}, Json::object());
  EXPECT_THAT(open((folder / "g.zarr").string())->info().notes,
              ::testing::Contains(::testing::HasSubstr("'volumes/raw'")));
  write_plain_v2(folder / "g.zarr/volumes/labels", {2, 3, 4}, Json::object());
  EXPECT_THAT(message_of_zarr((folder / "g.zarr").string()),
              ::testing::AllOf(::testing::HasSubstr("g.zarr:volumes/raw"),
                               ::testing::HasSubstr("g.zarr:volumes/labels")));
  EXPECT_EQ(open((folder / "g.zarr").string() + ":volumes/raw")->shape(), (core::Vec3{2, 3, 4}));
}

TEST(OmeZarr, AnArrayOpensThoughItsGroupIsDamaged) {
  const testing::TempFolder folder;
  const std::string path = write_image(folder);
  Json group = core::read_json(path + "/zarr.json");
  group["attributes"]["ome"]["multiscales"] = 7;
  std::ofstream(path + "/zarr.json") << group;
  EXPECT_THAT(message_of_zarr(path), ::testing::HasSubstr("multiscales"));
  EXPECT_THAT(open(path + "/0")->info().notes, ::testing::SizeIs(1));
}

TEST(OmeZarr, PlainArraysTakeTheirAxesFromTheUser) {
  const testing::TempFolder folder;
  const std::string path = write_image(folder);
  Json json = core::read_json(path + "/0/zarr.json");
  json.erase("dimension_names");
  json["shape"] = {1, 4, 70, 66};
  json["chunk_grid"]["configuration"]["chunk_shape"] = {1, 4, 70, 66};
  json["codecs"] = Json::array({{{"name", "bytes"}}});
  std::filesystem::create_directories(folder / "plain.zarr");
  std::ofstream(folder / "plain.zarr/zarr.json") << json.dump();
  EXPECT_THAT(message_of_zarr((folder / "plain.zarr").string()), ::testing::HasSubstr("czyx"));
  OpenOptions options;
  options.axes = "czyx";
  EXPECT_EQ(open((folder / "plain.zarr").string(), options)->shape(), (core::Vec3{4, 70, 66}));
}

/// Writes an array as `metadata` (zarr.json or .zarray without its shape) describe it, its
/// dimensions z, y, x in the order `order`, each file encoded as a whole.
void write_zarr_files(const std::filesystem::path& folder, const core::Array& values, Json metadata,
                      const std::vector<std::size_t>& order) {
  const Sides zyx(values.shape().begin(), values.shape().end());
  Sides shape;
  for (const std::size_t dimension : order) {
    shape.push_back(zyx[dimension]);
  }
  metadata["shape"] = shape;
  const bool is_v2 = metadata.contains("zarr_format");
  const ZarrMetadata parsed =
      is_v2 ? parse_array_metadata_v2(metadata, Json::object()) : parse_array_metadata(metadata);
  const CodecChain codecs =
      is_v2 ? parsed.codecs
            : CodecChain::parse(metadata["codecs"], {.dtype = parsed.dtype, .shape = parsed.shard});
  std::filesystem::create_directories(folder);
  metadata["node_type"] = "array";
  std::ofstream(folder / (is_v2 ? ".zarray" : "zarr.json")) << metadata;
  const std::size_t size = core::size_of(values.dtype());
  Sides grid = shape;
  Sides padded = shape;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    grid[i] = (shape[i] + parsed.shard[i] - 1) / parsed.shard[i];
    padded[i] = grid[i] * parsed.shard[i];
  }
  const auto stored = permute(values.bytes(), size, zyx, order);
  std::vector<std::byte> all(static_cast<std::size_t>(count_of(padded)) * size);
  for (std::int64_t row = 0; row < count_of(shape) / shape.back(); ++row) {  // pads
    Sides rows = shape;
    rows.back() = 1;
    const Sides at = unravel(row, rows);
    const auto bytes = static_cast<std::size_t>(shape.back()) * size;
    paste(std::span(stored).subspan(static_cast<std::size_t>(row) * bytes, bytes),
          {1, 1, shape.back()}, at, all, padded, size);
  }
  for (std::int64_t i = 0; i < count_of(grid); ++i) {
    const Sides index = unravel(i, grid);
    std::filesystem::path file = folder;
    for (const std::int64_t side : index) {
      file /= std::to_string(side);
    }
    std::filesystem::create_directories(file.parent_path());
    core::write_atomically(file, codecs.encode(cut_block(all, padded, index, parsed.shard, size)));
  }
}

struct ZarrForm {
  std::string name;
  core::DType dtype;
  std::string metadata;
  std::vector<std::size_t> order = {0, 1, 2};
};

std::vector<FormatCase> plain_zarr_cases() {
  const std::string v2 = R"({"zarr_format":2,"dimension_separator":"/","filters":null,)";
  const std::string v3 =
      R"({"chunk_grid":{"name":"regular","configuration":{"chunk_shape":[4,8,16]}},
      "chunk_key_encoding":{"name":"v2","configuration":{"separator":"/"}},"fill_value":0,)";
  const std::vector<ZarrForm> forms{
      {"Version2Raw", core::DType::u8,
       v2 + R"("chunks":[4,8,16],"dtype":"|u1","compressor":null,"order":"C"})"},
      {"Version2FortranBigEndian", core::DType::i32,
       v2 + R"("chunks":[3,7,5],"dtype":">i4","compressor":{"id":"zlib"},"order":"F"})"},
      {"Version2Blosc", core::DType::f64,
       v2 + R"("chunks":[4,8,16],"dtype":"<f8","compressor":{"id":"blosc"},"order":"C"})"},
      {"AxesXyz",
       core::DType::u16,
       v3 + R"("data_type":"uint16","codecs":["bytes","zstd"],"dimension_names":["x","y","z"]})",
       {2, 1, 0}},
      {"AxesXzySharded",
       core::DType::u16,
       v3 + R"("data_type":"uint16","dimension_names":["x","z","y"],"codecs":[
         {"name":"sharding_indexed","configuration":{"chunk_shape":[2,4,8],"codecs":["bytes","gzip"],
          "index_codecs":["bytes","crc32c"],"index_location":"start"}}]})",
       {2, 0, 1}},
      {"TransposedShardsInShards", core::DType::u64, v3 + R"("data_type":"uint64","codecs":[
         {"name":"transpose","configuration":{"order":[1,2,0]}},
         {"name":"sharding_indexed","configuration":{"chunk_shape":[8,8,4],"codecs":[
           {"name":"sharding_indexed","configuration":{"chunk_shape":[2,8,4],"codecs":["bytes"],
            "index_codecs":["bytes"]}}],
          "index_codecs":["bytes","crc32c"]}},"crc32c"]})"}};
  std::vector<FormatCase> cases;
  for (const ZarrForm& form : forms) {
    cases.push_back({.name = form.name,
                     .extension = ".zarr",
                     .dtype = form.dtype,
                     .shape = {11, 20, 37},
                     .make = [form](const std::string& path, const core::Array& values) {
                       write_zarr_files(path, values, Json::parse(form.metadata), form.order);
                     }});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(PlainZarr, StoreReading, ::testing::ValuesIn(plain_zarr_cases()),
                         name_of_case);

}  // namespace
}  // namespace retina::store
