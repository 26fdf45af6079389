#include "retina/store/hdf5/hdf5_writer.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stop_token>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/store/behaviour.h"
#include "retina/store/conformance.h"
#include "retina/store/finish_record.h"
#include "retina/store/hdf5/hdf5_dataset.h"
#include "retina/store/open.h"
#include "retina/testing/file_size_limit.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

CreateOptions hdf5_options() {
  CreateOptions options;
  options.shape = {6, 20, 30};
  options.chunk = {4, 16, 16};
  options.voxel_nm = core::Vec3d{40, 4, 4.5};
  options.offset_nm = {100, 10, 0.25};
  return options;
}

core::Array write_hdf5(const std::string& path, const CreateOptions& options, std::uint64_t seed) {
  const core::Array values = random_array(options.dtype, options.channels, options.shape, seed);
  const auto output = create(path, options);
  output->write(core::whole(options.shape), values);
  output->finish();
  return values;
}

core::Array read_whole(const std::string& path) {
  const auto volume = open(path);
  return volume->read(core::whole(volume->shape()));
}

TEST(Hdf5Writer, StatesAxesSizeAndOffset) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.h5").string();
  write_hdf5(path, hdf5_options(), 1);
  const auto volume = open(path + ":/data");
  EXPECT_EQ(volume->info().axes, "zyx");
  EXPECT_EQ(volume->info().voxel_nm, hdf5_options().voxel_nm);
  EXPECT_EQ(volume->info().offset_nm, hdf5_options().offset_nm);
  EXPECT_THAT(volume->info().notes, ::testing::IsEmpty());
}

TEST(Hdf5Writer, AddsDatasetsToAFile) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.h5").string();
  const core::Array raw = write_hdf5(path + ":/volumes/raw", hdf5_options(), 1);
  CreateOptions options = hdf5_options();
  options.dtype = core::DType::u64;
  write_hdf5(path + ":/volumes/labels/ids", options, 2);
  EXPECT_THROW(create(path + ":/volumes/labels/ids", options), Error);
  EXPECT_THROW(create(path, options), Error);
  options.overwrite = true;
  const core::Array labels = write_hdf5(path + ":/volumes/labels/ids", options, 3);
  EXPECT_TRUE(read_whole(path + ":/volumes/raw") == raw);
  EXPECT_TRUE(read_whole(path + ":/volumes/labels/ids") == labels);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Hdf5Writer, TwoDatasetsOfOneFileMayBeWrittenAtOnce) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.h5").string();
  const core::Array values = random_array(core::DType::u8, 1, {6, 20, 30}, 4);
  const core::Array others = random_array(core::DType::u8, 1, {6, 20, 30}, 5);
  auto first = create(path + ":/a", hdf5_options());
  auto second = create(path + ":/b", hdf5_options());
  EXPECT_THROW(create(path + ":/b", hdf5_options()), Error);  // one writer for each
  first->write(core::whole(values.shape()), values);
  second->write(core::whole(values.shape()), others);
  second->finish();
  first->finish();
  first.reset();
  second.reset();
  EXPECT_TRUE(read_whole(path + ":/a") == values);
  EXPECT_TRUE(read_whole(path + ":/b") == others);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Hdf5Writer, AFileWithOtherDatasetsIsNotReplaced) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.h5").string();
  CreateOptions options = hdf5_options();
  options.overwrite = true;
  write_hdf5(path, options, 1);
  write_hdf5(path, options, 2);  // an output of its own form
  const core::Array ids = write_hdf5(path + ":/labels/ids", options, 3);
  try {
    create(path, options);
    FAIL() << "it may replace the other dataset";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("/labels"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("a.h5:/data"));  // what to write instead
  }
  EXPECT_TRUE(read_whole(path + ":/labels/ids") == ids);
  const core::Array data = write_hdf5(path + ":/data", options, 4);
  EXPECT_TRUE(read_whole(path + ":/data") == data);
  EXPECT_TRUE(read_whole(path + ":/labels/ids") == ids);
}

TEST(Hdf5Writer, GroupsAreKeptAndDatasetsHoldNoOthers) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.h5").string();
  const core::Array raw = write_hdf5(path + ":/volumes/raw", hdf5_options(), 1);
  CreateOptions options = hdf5_options();
  options.overwrite = true;
  EXPECT_THROW(create(path + ":/volumes", options), Error);
  EXPECT_THROW(create(path + ":/volumes/raw/labels", options), Error);
  EXPECT_THROW(create(path + ":/volumes/raw/more/labels", options), Error);
  const auto late = create(path + ":/late", options);  // becomes a group before it is finished
  write_hdf5(path + ":/late/a", hdf5_options(), 2);
  EXPECT_THROW(late->finish(), Error);
  EXPECT_TRUE(read_whole(path + ":/volumes/raw") == raw);
}

TEST(Hdf5Writer, AFolderOfThisNameIsKept) {
  const testing::TempFolder folder;
  std::filesystem::create_directories(folder / "a.h5/mine");
  CreateOptions options = hdf5_options();
  options.overwrite = true;
  EXPECT_THROW(create((folder / "a.h5").string(), options), Error);
  EXPECT_TRUE(std::filesystem::exists(folder / "a.h5/mine"));
}

TEST(Hdf5Writer, DoesNotTouchWhatIsNoHdf5File) {
  const testing::TempFolder folder;
  std::ofstream(folder / "a.h5") << "something else";
  CreateOptions options = hdf5_options();
  options.overwrite = true;
  EXPECT_THROW(create((folder / "a.h5").string() + ":/raw", options), Error);
}

TEST(Hdf5Writer, ARecordKnowsWhichDatasetsAreFinished) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.h5").string();
  const std::vector<std::string> outputs{path + ":/a", path + ":/b"};
  CreateOptions options = hdf5_options();
  options.resume_key = "job";
  auto first = create(outputs[0], options);
  auto second = create(outputs[1], options);
  FinishRecord(outputs, "job").begin();
  second->finish();
  FinishRecord half(outputs, "job");
  EXPECT_TRUE(half.resumes());
  EXPECT_FALSE(half.is_finished(outputs[0]));
  EXPECT_TRUE(half.is_finished(outputs[1]));
  first->finish();
  FinishRecord record(outputs, "job");
  EXPECT_TRUE(record.is_finished(outputs[0]));
  EXPECT_TRUE(record.is_finished(outputs[1]));
  record.remove();  // while this process holds the outputs
  first.reset();
  second.reset();
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

ErrorKind kind_of_finish(OutputVolume& output) {
  try {
    output.finish();
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::internal;  // nothing was thrown
}

TEST(Hdf5Writer, WithoutRoomNothingIsBegunAndNothingLost) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.h5").string();
  const core::Array values = random_array(core::DType::u8, 1, {6, 20, 30}, 1);
  const auto output = create(path, hdf5_options());
  output->write(core::whole(values.shape()), values);
  {
    const testing::FileSizeLimit limit(65536);
    EXPECT_EQ(kind_of_finish(*output), ErrorKind::resource);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  output->finish();
  EXPECT_TRUE(read_whole(path) == values);
}

TEST(Hdf5WriterDeathTest, AFileThatCannotBeClosedDoesNoHarmAtTheEnd) {
  const testing::TempFolder folder;
  const auto write_without_room = [&] {
    const testing::FileSizeLimit limit(65536);
    {
      const Hdf5Lock lock;
      const Hdf5Handle file(
          H5Fcreate((folder / "a.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
      const hsize_t side = 1 << 20;
      const Hdf5Handle space(H5Screate_simple(1, &side, nullptr), H5Sclose);
      const Hdf5Handle dataset(H5Dcreate2(file.get(), "a", H5T_STD_U8LE, space.get(), H5P_DEFAULT,
                                          H5P_DEFAULT, H5P_DEFAULT),
                               H5Dclose);
      const std::vector<std::uint8_t> values(side, 7);
      const herr_t done =
          H5Dwrite(dataset.get(), H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
      try {
        require_hdf5(done, folder / "a.h5", "it cannot be written");
      } catch (const Error& error) {
        std::cerr << error.what();
      }
    }
    std::exit(0);
  };
  EXPECT_EXIT(write_without_room(), ::testing::ExitedWithCode(0),
              "cannot be written: .*: File too large; free some space");
}

TEST(Hdf5Writer, AStopIsHeardWhileTheFileIsPutTogether) {
  const testing::TempFolder folder;
  const core::Array values = random_array(core::DType::u8, 1, {6, 20, 30}, 1);
  write_hdf5((folder / "b.h5").string() + ":/other", hdf5_options(), 2);
  for (const char* name : {"a.h5", "b.h5:/data"}) {
    const std::string path = (folder / name).string();
    std::stop_source source;
    CreateOptions options = hdf5_options();
    options.resume_key = "job";
    options.stop = source.get_token();
    auto output = create(path, options);
    output->write(core::whole(values.shape()), values);
    source.request_stop();
    EXPECT_EQ(kind_of_finish(*output), ErrorKind::interrupted) << name;
    output.reset();
    options.stop = {};
    output = create(path, options);
    EXPECT_TRUE(output->is_written(core::whole(values.shape()))) << name;
    output->finish();
    EXPECT_TRUE(read_whole(path) == values) << name;
  }
  EXPECT_EQ(open((folder / "b.h5").string() + ":/other")->shape(), values.shape());
}

TEST(Hdf5Writer, EmptyRegionsTakeNoSpace) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.h5").string();
  CreateOptions options;
  options.shape = {64, 512, 512};
  options.dtype = core::DType::u64;
  const auto output = create(path, options);
  output->write({{0, 0, 0}, {1, 1, 1}}, random_array(core::DType::u64, 1, {1, 1, 1}, 1));
  output->write({{32, 0, 0}, {1, 512, 512}}, {core::DType::u64, 1, {1, 512, 512}});
  EXPECT_TRUE(output->is_written({{32, 0, 0}, {32, 512, 512}}));
  output->finish();
  EXPECT_LT(std::filesystem::file_size(path), 20000U);
  EXPECT_EQ(open(path)->shape(), options.shape);
}

TEST(Hdf5Writer, TheLibraryReadsNoiseThatIsNotCompressed) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.h5").string();
  CreateOptions options = hdf5_options();
  options.dtype = core::DType::u16;
  core::Array noise(options.dtype, 1, options.shape);
  core::Rng rng(6);
  for (auto& value : noise.values<std::uint16_t>()) {
    value = static_cast<std::uint16_t>(rng.integer(0, 65535));
  }
  const auto output = create(path, options);
  output->write(core::whole(options.shape), noise);
  EXPECT_TRUE(output->read(core::whole(options.shape)) == noise);
  output->finish();
  EXPECT_TRUE(read_whole(path) == noise);
  const Hdf5File file(path);
  const auto bytes = Hdf5Dataset(file, "/data").read({0, 0, 0}, {6, 20, 30});
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), noise.bytes().begin()));
}

TEST(Hdf5Writer, ChunksAndUnitsFitTheVolume) {
  const testing::TempFolder folder;
  CreateOptions options;
  options.shape = {100, 1000, 70};
  EXPECT_EQ(create((folder / "a.h5").string(), options)->write_unit(), (core::Vec3{32, 512, 128}));
  options.shape = {1, 5000, 3};
  EXPECT_EQ(create((folder / "b.h5").string(), options)->info().chunk, (core::Vec3{1, 256, 3}));
  options.shape = {4096, 4096, 4096};
  options.chunk = options.shape;
  EXPECT_THROW(create((folder / "c.h5").string(), options), Error);
}

std::vector<FormatCase> hdf5_cases() {
  std::vector<FormatCase> cases;
  for (const core::DType dtype :
       {core::DType::u8, core::DType::i16, core::DType::u64, core::DType::f32}) {
    cases.push_back({.name = std::string(core::name_of(dtype)),
                     .extension = ".h5",
                     .dtype = dtype,
                     .shape = {11, 40, 37},
                     .chunk = {4, 8, 16},
                     .shard = {4, 16, 32}});
  }
  cases.push_back({.name = "Channels",
                   .extension = ".hdf5",
                   .shape = {11, 40, 37},
                   .channels = 3,
                   .chunk = {4, 8, 16}});
  cases.push_back({.name = "DefaultGrid", .extension = ".hdf"});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Hdf5, StoreReading, ::testing::ValuesIn(hdf5_cases()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Hdf5, StoreWriting, ::testing::ValuesIn(hdf5_cases()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Hdf5, StoreAnyOrder, ::testing::ValuesIn(hdf5_cases()), name_of_case);

TEST(Hdf5ConformanceE2e, PythonReadsOurs) {
  RETINA_SKIP_WITHOUT(tools_python());
  const testing::TempFolder folder;
  Json cases = Json::array();
  using core::DType;
  for (const DType dtype : {DType::u8, DType::u16, DType::u32, DType::u64, DType::i8, DType::i16,
                            DType::i32, DType::i64, DType::f32, DType::f64}) {
    cases.push_back(write_case(
        folder.path(), {.path = std::string(core::name_of(dtype)) + ".h5", .dtype = dtype}, 0));
  }
  cases.push_back(write_case(folder.path(), {.path = "channels.h5", .channels = 3}, 0));
  cases.push_back(write_case(folder.path(), {.path = "several.h5:/volumes/raw"}, 0));
  cases.push_back(
      write_case(folder.path(), {.path = "several.h5:/volumes/labels", .dtype = DType::u64}, 0));
  for (Json& written : cases) {
    written["voxel_nm"] = {50, 4.6, 4.6};
    written["offset_nm"] = {0, 0, 0};
  }
  save_cases(folder.path(), cases);
  EXPECT_EQ(run_script("check_hdf5.py", "read", folder.path()), "equal\n");
}

}  // namespace
}  // namespace retina::store
