#include "retina/store/nrrd/nrrd.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/store/behaviour.h"
#include "retina/store/conformance.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

constexpr const char* kSmall =
    "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 3 2 2\nkinds: domain domain domain\n"
    "encoding: raw\n";
constexpr const char* kTwelve = "abcdefghijkl";

std::string save_nrrd(const testing::TempFolder& folder, const std::string& name,
                      const std::string& text) {
  std::ofstream(folder / name, std::ios::binary) << text;
  return (folder / name).string();
}

std::string letters_of(const std::string& path) {
  const auto volume = open(path);
  const core::Array values = volume->read(core::whole(volume->shape()));
  return {reinterpret_cast<const char*>(values.bytes().data()), values.bytes().size()};
}

std::string message_of_opening_nrrd(const std::string& path) {
  try {
    open(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "opened";
}

TEST(Nrrd, FindsTheVoxels) {
  const testing::TempFolder folder;
  const std::string head = kSmall;
  EXPECT_EQ(letters_of(save_nrrd(folder, "a.nrrd", head + "\n" + kTwelve)), kTwelve);
  EXPECT_EQ(letters_of(save_nrrd(folder, "b.nrrd", head + "byte skip: 2\n\n??" + kTwelve)),
            kTwelve);
  EXPECT_EQ(letters_of(save_nrrd(folder, "c.nrrd", head + "byte skip: -1\n\n????" + kTwelve)),
            kTwelve);
  EXPECT_EQ(letters_of(save_nrrd(folder, "d.nrrd", head + "line skip: 2\n\n??\n???\n" + kTwelve)),
            kTwelve);
}

TEST(Nrrd, FindsADetachedFileBesideTheHeader) {
  const testing::TempFolder folder;
  std::filesystem::create_directories(folder / "data");
  save_nrrd(folder, "data/x.raw", kTwelve);
  const std::string head = kSmall;
  EXPECT_EQ(letters_of(save_nrrd(folder, "a.nhdr", head + "data file: data/x.raw\n")), kTwelve);
  EXPECT_THAT(message_of_opening_nrrd(save_nrrd(folder, "b.nhdr", head + "data file: y.raw\n")),
              ::testing::HasSubstr("y.raw"));
  EXPECT_THAT(message_of_opening_nrrd(save_nrrd(folder, "c.nhdr", head + "data file: data\n")),
              ::testing::HasSubstr("not a regular file"));
}

TEST(Nrrd, RefusesSizesThatLie) {
  const testing::TempFolder folder;
  EXPECT_THAT(message_of_opening_nrrd(save_nrrd(folder, "a.nrrd", kSmall + std::string("\nabc"))),
              ::testing::HasSubstr("3 bytes"));
  for (const char* encoding : {"raw", "gzip"}) {
    const std::string huge = fmt::format(
        "NRRD0004\ntype: double\nendian: little\ndimension: 3\nencoding: {}\nsizes: "
        "1000000 1000000 100000\n\nabc",
        encoding);
    EXPECT_THAT(message_of_opening_nrrd(save_nrrd(folder, "b.nrrd", huge)),
                ::testing::HasSubstr("get a fresh copy"));
  }
}

TEST(Nrrd, HoldsOneImageOnly) {
  const testing::TempFolder folder;
  const std::string path = save_nrrd(folder, "a.nrrd", kSmall + std::string("\n") + kTwelve);
  EXPECT_THAT(message_of_opening_nrrd(path + ":/raw"), ::testing::HasSubstr("one image"));
}

TEST(NrrdWriter, KeepsVoxelSizeAndOffset) {
  const testing::TempFolder folder;
  CreateOptions options;
  options.shape = {2, 3, 4};
  options.voxel_nm = core::Vec3d{40, 4.5, 4};
  options.offset_nm = {100, 10, 0.25};
  const std::string path = (folder / "a.nrrd").string();
  create(path, options)->finish();
  EXPECT_EQ(open(path)->info().voxel_nm, options.voxel_nm);
  EXPECT_EQ(open(path)->info().offset_nm, options.offset_nm);
}

TEST(NrrdWriter, PlanesOfAKilledRunAreKept) {
  const testing::TempFolder folder;
  CreateOptions options;
  options.shape = {4, 5, 6};
  options.resume_key = "plan";
  const std::string path = (folder / "a.nrrd").string();
  const core::Array plane = random_array(core::DType::u8, 1, {1, 5, 6}, 3);
  create(path, options)->write({{2, 0, 0}, {1, 5, 6}}, plane);
  std::ofstream(folder / ".a.nrrd.partial/planes", std::ios::app) << "abc";  // half a record
  auto output = create(path, options);
  EXPECT_TRUE(output->is_written({{2, 0, 0}, {1, 5, 6}}));
  EXPECT_FALSE(output->is_written({{1, 0, 0}, {2, 5, 6}}));
  output->write({{3, 0, 0}, {1, 5, 6}}, plane);
  output.reset();  // one writer of an output at a time
  const auto again = create(path, options);
  EXPECT_TRUE(again->is_written({{2, 0, 0}, {2, 5, 6}}));
  again->finish();
  EXPECT_TRUE(open(path)->read({{2, 0, 0}, {1, 5, 6}}) == plane);
}

TEST(NrrdWriter, AFolderThatLostItsVoxelsHasNoPlanes) {
  const testing::TempFolder folder;
  CreateOptions options;
  options.shape = {2, 5, 6};
  options.resume_key = "plan";
  options.overwrite = true;
  const std::string path = (folder / "a.nrrd").string();
  const core::Array whole = random_array(core::DType::u8, 1, options.shape, 3);
  create(path, options)->write(core::whole(options.shape), whole);
  // as a kill right after the rename leaves it
  std::filesystem::rename(folder / ".a.nrrd.partial/voxels", path);
  EXPECT_TRUE(open(path)->read(core::whole(options.shape)) == whole);
  auto output = create(path, options);
  EXPECT_FALSE(output->is_written({{0, 0, 0}, {1, 5, 6}}));
  output.reset();
  EXPECT_FALSE(create(path, options)->is_written({{1, 0, 0}, {1, 5, 6}}));
  EXPECT_TRUE(open(path)->read(core::whole(options.shape)) == whole);
}

std::vector<FormatCase> nrrd_cases() {
  std::vector<FormatCase> cases;
  for (const core::DType dtype :
       {core::DType::u8, core::DType::i16, core::DType::u64, core::DType::f32}) {
    cases.push_back(
        {.name = std::string(core::name_of(dtype)), .extension = ".nrrd", .dtype = dtype});
  }
  cases.push_back({.name = "Channels", .extension = ".nrrd", .channels = 3});
  cases.push_back({.name = "Wide", .extension = ".nrrd", .shape = {3, 3, 9000}});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Nrrd, StoreReading, ::testing::ValuesIn(nrrd_cases()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Nrrd, StoreWriting, ::testing::ValuesIn(nrrd_cases()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Nrrd, StoreAnyOrder, ::testing::ValuesIn(nrrd_cases()), name_of_case);

TEST(NrrdConformanceE2e, PythonReadsOurs) {
  RETINA_SKIP_WITHOUT(tools_python());
  const testing::TempFolder folder;
  Json cases = Json::array();
  using core::DType;
  for (const DType dtype : {DType::u8, DType::u16, DType::u32, DType::u64, DType::i8, DType::i16,
                            DType::i32, DType::i64, DType::f32, DType::f64}) {
    cases.push_back(write_case(
        folder.path(), {.path = std::string(core::name_of(dtype)) + ".nrrd", .dtype = dtype}, 0));
  }
  cases.push_back(write_case(folder.path(), {.path = "channels.nrrd", .channels = 3}, 0));
  for (Json& written : cases) {
    written["voxel_nm"] = {50, 4.6, 4.6};
    written["offset_nm"] = {0, 0, 0};
  }
  save_cases(folder.path(), cases);
  EXPECT_EQ(run_script("check_nrrd.py", "read", folder.path()), "equal\n");
}

INSTANTIATE_TEST_SUITE_P(NrrdAndMetaImage, ConformanceOfReadersE2e,
                         ::testing::Values(PythonWriter{"nrrd", "check_nrrd.py"}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace retina::store
