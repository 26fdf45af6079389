#include "retina/store/hdf5/hdf5.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/rng.h"
#include "retina/store/behaviour.h"
#include "retina/store/conformance.h"
#include "retina/store/hdf5/hdf5_handle.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// A dataset for tests: zeros unless `values` are given.
struct DatasetForTest {
  std::string name;
  std::vector<hsize_t> sides;
  std::vector<hsize_t> chunk = {};
  int szip_pixels = 0;  ///< > 0: compressed with szip
  bool is_text = false;
  const std::vector<std::uint8_t>* values = nullptr;
};

void add_dataset(const std::filesystem::path& file, const DatasetForTest& wanted) {
  const Hdf5Lock lock;
  const Hdf5Handle out(std::filesystem::exists(file)
                           ? H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT)
                           : H5Fcreate(file.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT),
                       H5Fclose);
  const Hdf5Handle space(
      H5Screate_simple(static_cast<int>(wanted.sides.size()), wanted.sides.data(), nullptr),
      H5Sclose);
  const Hdf5Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  if (!wanted.chunk.empty()) {
    H5Pset_chunk(creation.get(), static_cast<int>(wanted.chunk.size()), wanted.chunk.data());
  }
  if (wanted.szip_pixels > 0) {
    H5Pset_szip(creation.get(), H5_SZIP_NN_OPTION_MASK, static_cast<unsigned>(wanted.szip_pixels));
  }
  const Hdf5Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(links.get(), 1);
  const Hdf5Handle dataset(
      H5Dcreate2(out.get(), wanted.name.c_str(), wanted.is_text ? H5T_C_S1 : H5T_STD_U8LE,
                 space.get(), links.get(), creation.get(), H5P_DEFAULT),
      H5Dclose);
  ASSERT_TRUE(dataset.is_open());
  if (wanted.values != nullptr) {
    H5Dwrite(dataset.get(), H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, wanted.values->data());
  }
}

std::string message_of_hdf5(const std::string& path, const OpenOptions& options = {}) {
  try {
    const auto volume = open(path, options);
    volume->read(core::whole(volume->shape()));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "read";
}

TEST(Hdf5, OpensTheOnlyImage) {
  const testing::TempFolder folder;
  add_dataset(folder / "a.h5", {"volumes/raw", {4, 20, 30}});
  add_dataset(folder / "a.h5", {"annotations/ids", {7}});
  add_dataset(folder / "a.h5", {"annotations/locations", {70, 3}});
  add_dataset(folder / "a.h5", {.name = "names", .sides = {4, 20, 30}, .is_text = true});
  const auto volume = open((folder / "a.h5").string());
  EXPECT_EQ(volume->shape(), (core::Vec3{4, 20, 30}));
  EXPECT_THAT(volume->info().notes, ::testing::Contains("dataset /volumes/raw"));
}

TEST(Hdf5, ListsTheChoices) {
  const testing::TempFolder folder;
  add_dataset(folder / "a.h5", {"volumes/raw", {4, 20, 30}});
  add_dataset(folder / "a.h5", {"volumes/labels/ids", {4, 20, 30}});
  add_dataset(folder / "a.h5", {"volumes/labels/clefts", {4, 20, 31}});
  const std::string file = (folder / "a.h5").string();
  const std::string message = message_of_hdf5(file);
  EXPECT_THAT(message, HasSubstr("3 datasets"));
  for (const char* name : {"/volumes/raw", "/volumes/labels/ids", "/volumes/labels/clefts"}) {
    EXPECT_THAT(message, HasSubstr(file + ":" + name));
  }
  EXPECT_THAT(message_of_hdf5(file + ":/volumes/labels"),
              AllOf(HasSubstr("2 datasets"), Not(HasSubstr("/volumes/raw"))));
  EXPECT_THAT(message_of_hdf5(file + ":/nothing/here"), HasSubstr("nothing at '/nothing/here'"));
  EXPECT_EQ(list_datasets(file), (std::vector<std::string>{"volumes/labels/clefts",
                                                           "volumes/labels/ids", "volumes/raw"}));
  EXPECT_EQ(list_datasets(file + ":/volumes/labels"), (std::vector<std::string>{"clefts", "ids"}));
  EXPECT_EQ(list_datasets(file + ":/volumes/raw"), (std::vector<std::string>{""}));
  EXPECT_EQ(open(file + ":/volumes/labels/clefts")->shape(), (core::Vec3{4, 20, 31}));
  EXPECT_EQ(open(file + ":volumes/raw")->shape(), (core::Vec3{4, 20, 30}));
}

TEST(Hdf5, ADatasetOfAnotherFileIsRefusedByName) {
  const testing::TempFolder folder;
  add_dataset(folder / "a.h5", {"own", {4, 20, 30}});
  add_dataset(folder / "b.h5", {"raw", {4, 20, 30}});
  {
    const Hdf5Handle file(H5Fopen((folder / "a.h5").string().c_str(), H5F_ACC_RDWR, H5P_DEFAULT),
                          H5Fclose);
    H5Lcreate_external("b.h5", "/raw", file.get(), "linked", H5P_DEFAULT, H5P_DEFAULT);
  }
  EXPECT_THAT(message_of_hdf5((folder / "a.h5").string() + ":/linked"),
              AllOf(HasSubstr("lies in another file"), HasSubstr("b.h5")));
}

TEST(Hdf5, SaysWhatIsNoImage) {
  const testing::TempFolder folder;
  const std::string file = (folder / "a.h5").string();
  add_dataset(file, {"list", {7}});
  add_dataset(file, {"empty", {0, 20, 30}});
  add_dataset(file, {.name = "names", .sides = {4, 20, 30}, .is_text = true});
  add_dataset(file, {"many", {2, 3, 20, 30}});
  EXPECT_THAT(message_of_hdf5(file + ":/list"), HasSubstr("1 dimensions"));
  EXPECT_THAT(message_of_hdf5(file + ":/empty"), HasSubstr("side of 0"));
  EXPECT_THAT(message_of_hdf5(file + ":/names"), HasSubstr("text"));
  EXPECT_THAT(message_of_hdf5(file), HasSubstr("--axes"));
  OpenOptions options;
  options.axes = "czyx";
  EXPECT_EQ(open(file, options)->info().channels, 2);
}

TEST(Hdf5, HugeSidesOfATinyFileAllocateNothing) {
  const testing::TempFolder folder;
  const std::string file = (folder / "a.h5").string();
  const hsize_t side = hsize_t{1} << 18;
  add_dataset(file, {"sparse", {side, side, side}, {64, 64, 64}});
  const auto volume = open(file);
  EXPECT_EQ(volume->shape()[0], std::int64_t{1} << 18);
  EXPECT_TRUE(volume->read({{9, 9, 9}, {4, 5, 6}}) == core::Array(core::DType::u8, 1, {4, 5, 6}));
  EXPECT_LT(std::filesystem::file_size(file), 100000U);
}

TEST(Hdf5, NamesACompressionThatItDoesNotRead) {
  unsigned config = 0;
  const Hdf5Lock lock;
  if (H5Zget_filter_info(H5Z_FILTER_SZIP, &config) < 0 ||
      (config & H5Z_FILTER_CONFIG_ENCODE_ENABLED) == 0) {
    GTEST_SKIP() << "absent: szip in the HDF5 library";
  }
  const testing::TempFolder folder;
  const std::string file = (folder / "a.h5").string();
  add_dataset(file, {.name = "raw", .sides = {4, 16, 32}, .chunk = {2, 16, 16}, .szip_pixels = 16});
  EXPECT_THAT(message_of_hdf5(file), AllOf(HasSubstr("szip"), HasSubstr("h5repack")));
}

TEST(Hdf5, TruncatedFilesAreRefused) {
  const testing::TempFolder folder;
  const std::string file = (folder / "a.h5").string();
  std::vector<std::uint8_t> values(4 * 100 * 100, 7);
  add_dataset(file, {.name = "raw", .sides = {4, 100, 100}, .values = &values});
  const auto size = std::filesystem::file_size(file);
  for (const std::uintmax_t kept : {size - 1, size / 2, std::uintmax_t{600}, std::uintmax_t{9}}) {
    std::filesystem::resize_file(file, kept);
    EXPECT_THAT(message_of_hdf5(file), HasSubstr("a.h5")) << kept;
  }
}

/// A dataset of two slices, each of which lies in a file of its own.
void add_virtual_dataset(const std::filesystem::path& file) {
  const Hdf5Lock lock;
  const hsize_t sides[] = {2, 20, 30};
  const hsize_t part[] = {1, 20, 30};
  const Hdf5Handle space(H5Screate_simple(3, sides, nullptr), H5Sclose);
  const Hdf5Handle source(H5Screate_simple(3, part, nullptr), H5Sclose);
  const Hdf5Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  for (const hsize_t z : {0U, 1U}) {
    const hsize_t start[] = {z, 0, 0};
    H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start, nullptr, part, nullptr);
    const std::string name = "part" + std::to_string(z) + ".h5";
    ASSERT_GE(H5Pset_virtual(creation.get(), space.get(), name.c_str(), "raw", source.get()), 0);
  }
  H5Sselect_all(space.get());
  const Hdf5Handle out(H5Fcreate(file.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
  const Hdf5Handle dataset(H5Dcreate2(out.get(), "all", H5T_STD_U8LE, space.get(), H5P_DEFAULT,
                                      creation.get(), H5P_DEFAULT),
                           H5Dclose);
  ASSERT_TRUE(dataset.is_open());
}

TEST(Hdf5, VirtualDatasetsNeedAllTheirParts) {
  const testing::TempFolder folder;
  const std::string file = (folder / "a.h5").string();
  add_virtual_dataset(file);
  const std::vector<std::uint8_t> values(20 * 30, 7);
  add_dataset(folder / "part0.h5", {.name = "raw", .sides = {1, 20, 30}, .values = &values});
  EXPECT_THAT(message_of_hdf5(file), AllOf(HasSubstr("part1.h5:raw"), HasSubstr("missing")));
  add_dataset(folder / "part1.h5", {"other", {1, 20, 30}});
  EXPECT_THAT(message_of_hdf5(file), HasSubstr("part1.h5:raw"));
  add_dataset(folder / "part1.h5", {.name = "raw", .sides = {1, 20, 30}, .values = &values});
  EXPECT_EQ(open(file)->read({{1, 3, 4}, {1, 1, 1}}).at<std::uint8_t>(0, 0, 0, 0), 7);
}

TEST(Hdf5, AVoxelSizeOfAnotherKindIsNoted) {
  const testing::TempFolder folder;
  const std::string file = (folder / "a.h5").string();
  add_dataset(file, {"raw", {4, 20, 30}});
  {
    const Hdf5Lock lock;
    const Hdf5Handle out(H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
    const Hdf5Handle type(H5Tcreate(H5T_COMPOUND, sizeof(double)), H5Tclose);
    H5Tinsert(type.get(), "z", 0, H5T_NATIVE_DOUBLE);
    const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    const Hdf5Handle nothing(H5Screate(H5S_NULL), H5Sclose);
    const Hdf5Handle table(H5Acreate_by_name(out.get(), "raw", "resolution", type.get(),
                                             space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                           H5Aclose);
    const double side = 40;
    ASSERT_GE(H5Awrite(table.get(), type.get(), &side), 0);
    const Hdf5Handle empty(H5Acreate_by_name(out.get(), "raw", "voxel_size", H5T_NATIVE_DOUBLE,
                                             nothing.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                           H5Aclose);
    ASSERT_TRUE(empty.is_open());
  }
  const core::VolumeInfo info = open(file)->info();
  EXPECT_FALSE(info.voxel_nm);
  EXPECT_THAT(info.notes,
              ::testing::Contains(AllOf(HasSubstr("'resolution'"), HasSubstr("compound values"))));
  EXPECT_THAT(info.notes,
              ::testing::Contains(AllOf(HasSubstr("'voxel_size'"), HasSubstr("0 values"))));
}

TEST(Hdf5, DamagedBytesAreFoundOrHarmless) {
  const testing::TempFolder folder;
  const std::string file = (folder / "a.h5").string();
  CreateOptions options;
  options.shape = {8, 40, 37};
  options.chunk = {4, 16, 16};
  const auto output = create(file, options);
  output->write(core::whole(options.shape), random_array(core::DType::u8, 1, options.shape, 1));
  output->finish();
  const std::vector<std::byte> whole = core::read_bytes(file);
  core::Rng rng(4);
  for (int round = 0; round < 150; ++round) {
    std::vector<std::byte> damaged = whole;
    for (int i = 0; i < 4; ++i) {
      damaged[static_cast<std::size_t>(rng.integer(0, 2500))] =
          static_cast<std::byte>(rng.integer(0, 255));
    }
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(damaged.data()),
               static_cast<std::streamsize>(damaged.size()));
    try {
      const auto volume = open(file);
      volume->read({{0, 0, 0}, {1, 1, std::min<std::int64_t>(volume->shape()[2], 1000)}});
    } catch (const Error&) {
    }
  }
}

TEST(Hdf5, RecognisesUserBlocksAndNothingElse) {
  const testing::TempFolder folder;
  const std::vector<std::uint8_t> values(4 * 20 * 30, 7);
  add_dataset(folder / "a.h5", {.name = "raw", .sides = {4, 20, 30}, .values = &values});
  add_dataset(folder / "a.h5", {"late", {4, 20, 31}});
  const std::string plain = core::read_text(folder / "a.h5");
  std::ofstream(folder / "matlab.mat", std::ios::binary) << std::string(512, 'M') + plain;
  EXPECT_TRUE(is_hdf5({.text = {}, .file = folder / "matlab.mat", .inner = {}}));
  const core::Box3 voxel{{3, 19, 29}, {1, 1, 1}};
  const std::string file = (folder / "matlab.mat").string();
  EXPECT_EQ(open(file + ":raw")->read(voxel).at<std::uint8_t>(0, 0, 0, 0), 7);
  EXPECT_EQ(open(file + ":late")->read(voxel).at<std::uint8_t>(0, 0, 0, 0), 0);
  std::ofstream(folder / "b.h5", std::ios::binary) << std::string(20000, 'M');
  EXPECT_FALSE(is_hdf5({.text = {}, .file = folder / "b.h5", .inner = {}}));
  EXPECT_FALSE(is_hdf5({.text = {}, .file = folder.path(), .inner = {}}));
}

INSTANTIATE_TEST_SUITE_P(Hdf5, ConformanceOfReadersE2e,
                         ::testing::Values(PythonWriter{"hdf5", "check_hdf5.py"}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace retina::store
