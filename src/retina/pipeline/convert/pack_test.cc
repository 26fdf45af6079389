#include "retina/pipeline/convert/pack.h"

#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/pipeline/open_dataset.h"
#include "retina/store/open.h"
#include "retina/store/pack/pack.h"
#include "retina/testing/heard.h"
#include "retina/testing/open_file_limit.h"
#include "retina/testing/stopping_context.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

/// Image values 1000 * i, labels from `stored` in turn, in `path`/images and `path`/masks.
void write_pair(const std::filesystem::path& path, const std::string& name,
                const std::vector<std::uint8_t>& stored) {
  const core::Vec3 shape{1, 4, 8};
  core::Array image(core::DType::u16, 1, shape);
  core::Array mask(core::DType::u8, 1, shape);
  for (std::size_t i = 0; i < 32; ++i) {
    image.values<std::uint16_t>()[i] = static_cast<std::uint16_t>(1000 * i);
    mask.values<std::uint8_t>()[i] = stored[i % stored.size()];
  }
  for (const auto& [folder, values] : {std::pair{"images", &image}, std::pair{"masks", &mask}}) {
    std::filesystem::create_directories(path / folder);
    const auto file = store::create((path / folder / (name + ".tif")).string(),
                                    {.dtype = values->dtype(), .shape = shape});
    file->write(core::whole(shape), *values);
    file->finish();
  }
}

data::Dataset packed(const std::filesystem::path& folder, data::DataOptions options, int classes) {
  options.path = folder.string();
  const std::string path = folder.string() + ".pack";
  pack({.images = {}, .dataset = options, .output = path, .overwrite = true},
       core::silent_context());
  data::DataOptions from_pack;
  from_pack.path = path;
  return open_dataset(from_pack, classes, core::silent_context());
}

std::vector<int> first_labels(const data::Dataset& dataset, std::size_t slice) {
  const core::Array labels = data::read_plane(dataset, dataset.slices.at(slice)).labels;
  const auto values = labels.values<std::uint8_t>();
  return {values.begin(), values.begin() + 3};
}

TEST(PackDataset, KeepsTheRangeThatTheImagesHad) {
  const testing::TempFolder folder;
  write_pair(folder / "set", "a", {0, 1});
  const data::Dataset dataset = packed(folder / "set", {}, 2);
  EXPECT_EQ(dataset.range, (core::IntensityRange{.low = 0, .high = 30000}));
  EXPECT_EQ(dataset.volumes[0].range, core::IntensityRange{});
}

TEST(PackDataset, Mask0And255BecomesClassOne) {
  const testing::TempFolder folder;
  write_pair(folder / "set", "a", {0, 255});
  write_pair(folder / "set", "b", {0});
  EXPECT_EQ(first_labels(packed(folder / "set", {}, 2), 0), (std::vector<int>{0, 1, 0}));
}

TEST(PackDataset, AppliesLabelMapAndIgnoredValue) {
  const testing::TempFolder folder;
  write_pair(folder / "set", "a", {0, 7, 9});
  data::DataOptions options;
  options.labels = {{"0", 0}, {"7", 2}};
  options.ignore_value = 9;
  const data::Dataset dataset = packed(folder / "set", options, 3);
  EXPECT_EQ(first_labels(dataset, 0), (std::vector<int>{0, 2, data::kIgnore}));
}

TEST(PackDataset, HoldsOnlyTheChosenPlanes) {
  const testing::TempFolder folder;
  for (const char* name : {"a", "b", "c", "d"}) {
    write_pair(folder / "set", name, {0, 1});
  }
  data::DataOptions options;
  options.slices = "1:3";
  const data::Dataset dataset = packed(folder / "set", options, 2);
  ASSERT_EQ(dataset.slices.size(), 2U);
  EXPECT_EQ(data::describe(dataset, dataset.slices[0]), "b");
}

std::int64_t items_packed(const std::filesystem::path& image, const std::filesystem::path& output) {
  return pack({.images = {image.string()},
               .dataset = {},
               .output = output.string(),
               .overwrite = true},
              core::silent_context())
      .items;
}

TEST(PackImages, AContainerIsOneImageOfThePack) {
  const testing::TempFolder folder;
  const core::Vec3 shape{3, 8, 9};
  core::Array values(core::DType::u8, 1, shape);
  values.at<std::uint8_t>(0, 1, 2, 3) = 77;
  store::CreateOptions older;
  older.shape = shape;
  older.zarr_version = store::ZarrVersion::v0_4;
  store::CreateOptions plain;
  plain.shape = shape;
  for (const auto& [name, how] :
       {std::pair{"v2.zarr", &older}, std::pair{"v3.zarr", &plain}, std::pair{"a.pack", &plain},
        std::pair{"a.precomputed", &plain}}) {
    const auto file = store::create((folder / name).string(), *how);
    file->write(core::whole(shape), values);
    file->finish();
    EXPECT_EQ(items_packed(folder / name, folder / "p"), 1) << name;
    EXPECT_TRUE(store::open((folder / "p").string())->read(core::whole(shape)) == values) << name;
  }
}

TEST(PackImages, AFolderWithoutImagesIsRefusedNotLeftOut) {
  const testing::TempFolder folder;
  write_pair(folder.path(), "a", {0, 1});
  std::filesystem::create_directories(folder / "empty");
  core::write_atomically(folder / "images/notes.txt", std::string_view("no image"));
  EXPECT_EQ(items_packed(folder / "images", folder / "p"), 1);
  EXPECT_EQ(items_packed(folder.path(), folder / "p"), 1) << "a dataset";
  EXPECT_THROW(pack({.images = {(folder / "images").string(), (folder / "empty").string()},
                     .dataset = {},
                     .output = (folder / "p").string(),
                     .overwrite = true},
                    core::silent_context()),
               Error);
}

/// An image of 16 bits whose pixels are 0 and `high` in turn.
void write_up_to(const std::filesystem::path& path, std::uint16_t high) {
  const core::Vec3 shape{1, 8, 8};
  core::Array values(core::DType::u16, 1, shape);
  for (std::size_t i = 1; i < 64; i += 2) {
    values.values<std::uint16_t>()[i] = high;
  }
  std::filesystem::create_directories(path.parent_path());
  const auto file = store::create(path.string(), {.dtype = core::DType::u16, .shape = shape});
  file->write(core::whole(shape), values);
  file->finish();
}

/// The names in a pack of some places.
std::vector<std::string> names_packed(const std::vector<std::filesystem::path>& places,
                                      const std::filesystem::path& output) {
  PackOptions options;
  for (const std::filesystem::path& place : places) {
    options.images.push_back(place.string());
  }
  options.output = output.string();
  options.overwrite = true;
  pack(options, core::silent_context());
  const store::Pack made(options.output);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < made.size(); ++i) {
    names.push_back(made.name(i));
  }
  return names;
}

TEST(PackImages, ImagesOfAFolderAreMappedAlikeAsInTraining) {
  const testing::TempFolder folder;
  write_up_to(folder / "raw/dim.tif", 1000);
  write_up_to(folder / "raw/bright.tif", 50000);
  names_packed({folder / "raw"}, folder / "p");
  const store::Pack made((folder / "p").string());
  const core::IntensityRange all{.low = 0, .high = 50000};
  EXPECT_EQ(made.range(0), all);
  EXPECT_EQ(made.range(1), all);
  data::DataOptions training;
  training.images = (folder / "raw").string();
  training.masks.clear();
  EXPECT_EQ(open_dataset(training, 1, core::silent_context()).range, all);
  const auto dim = made.image(made.find("dim.tif"));
  EXPECT_EQ(dim->read(core::whole(dim->shape())).values<std::uint8_t>()[1], 5);
}

TEST(PackImages, AFolderOfSeveralTypesNeedsARange) {
  const testing::TempFolder folder;
  write_up_to(folder / "raw/a.tif", 1000);
  const auto file = store::create((folder / "raw/b.tif").string(),
                                  {.dtype = core::DType::f32, .shape = {1, 8, 8}});
  file->write(core::whole({1, 8, 8}), core::Array(core::DType::f32, 1, {1, 8, 8}));
  file->finish();
  PackOptions options;
  options.images = {(folder / "raw").string()};
  options.output = (folder / "p").string();
  try {
    pack(options, core::silent_context());
    FAIL() << "not noticed";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("dataset.input_range"));
  }
  options.dataset.input_range = {0, 500};
  EXPECT_EQ(pack(options, core::silent_context()).items, 2);
}

TEST(PackImages, ValuesThatAreNotFiniteAreWarnedOfOnce) {
  const testing::TempFolder folder;
  const core::Vec3 shape{1, 8, 8};
  core::Array values(core::DType::f32, 1, shape);
  values.at<float>(0, 0, 2, 2) = 1;
  values.at<float>(0, 0, 3, 3) = std::numeric_limits<float>::infinity();
  std::filesystem::create_directories(folder / "raw");
  for (const char* name : {"a.tif", "b.tif"}) {
    const auto file = store::create((folder / "raw" / name).string(),
                                    {.dtype = core::DType::f32, .shape = shape});
    file->write(core::whole(shape), values);
    file->finish();
  }
  PackOptions options;
  options.images = {(folder / "raw").string()};
  options.output = (folder / "p").string();
  const testing::Heard heard;
  EXPECT_EQ(pack(options, heard.context).items, 2);
  const std::string told = heard.text();
  EXPECT_THAT(told, ::testing::HasSubstr("a.tif: 1.56 % of the values are not finite"));
  EXPECT_EQ(told.find("not finite"), told.rfind("not finite"));
}

TEST(PackImages, EqualNamesOfSeveralFoldersAreToldApart) {
  const testing::TempFolder folder;
  for (const char* place : {"a", "b", "x/raw", "y/raw"}) {
    for (const char* name : {"s2.tif", "s10.tif"}) {
      write_up_to(folder / place / name, 1000);
    }
  }
  EXPECT_EQ(names_packed({folder / "b"}, folder / "p"),
            (std::vector<std::string>{"s2.tif", "s10.tif"}));
  EXPECT_EQ(names_packed({folder / "b", folder / "a/"}, folder / "p"),
            (std::vector<std::string>{"b/s2.tif", "b/s10.tif", "a/s2.tif", "a/s10.tif"}));
  EXPECT_EQ(
      names_packed({folder / "x/raw", folder / "y/raw"}, folder / "p"),
      (std::vector<std::string>{"x/raw/s2.tif", "x/raw/s10.tif", "y/raw/s2.tif", "y/raw/s10.tif"}));
  EXPECT_EQ(names_packed({folder / "a/s2.tif", folder / "a/s10.tif"}, folder / "p"),
            (std::vector<std::string>{"s2.tif", "s10.tif"}));
  EXPECT_EQ(names_packed({folder / "a/s2.tif", folder / "b/s2.tif"}, folder / "p"),
            (std::vector<std::string>{"a/s2.tif", "b/s2.tif"}));
  EXPECT_EQ(store::open((folder / "p").string() + ":b/s2.tif")->shape(), (core::Vec3{1, 8, 8}));
}

/// The usage error of packing `images` to `output`.
std::string refusal_of_pack(const std::vector<std::string>& images,
                            const std::filesystem::path& output) {
  PackOptions options;
  options.images = images;
  options.output = output.string();
  options.overwrite = true;
  try {
    pack(options, core::silent_context());
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "packed";
}

TEST(PackImages, APlaceThatIsGivenTwiceIsToldAsSuch) {
  const testing::TempFolder folder;
  write_up_to(folder / "raw/a.tif", 1000);
  const std::string file = (folder / "raw/a.tif").string();
  EXPECT_THAT(refusal_of_pack({file, (folder / "raw/./a.tif").string()}, folder / "p"),
              ::testing::HasSubstr("a.tif': the same file is given twice"));
  EXPECT_THAT(
      refusal_of_pack({(folder / "raw").string(), (folder / "raw/").string()}, folder / "p"),
      ::testing::HasSubstr("the same folder is given twice"));
}

TEST(PackImages, AFileInThePlaceOfThePackIsRefusedFirst) {
  const testing::TempFolder folder;
  core::write_atomically(folder / "p", std::string_view("mine"));
  EXPECT_THAT(refusal_of_pack({(folder / "absent.tif").string()}, folder / "p"),
              ::testing::HasSubstr("a file of this name"));
  EXPECT_EQ(core::read_text(folder / "p"), "mine");
}

TEST(PackImages, AsManyClassesAsThereAreIds) {
  PackOptions options;
  options.images = {"a.tif"};
  options.output = "p";
  EXPECT_THAT(options.validate(), ::testing::IsEmpty());
  for (const std::int64_t classes : {0, -1, 256}) {
    options.classes = classes;
    ASSERT_EQ(options.validate().size(), 1U) << classes;
    EXPECT_EQ(options.validate().front().subject, "classes");
  }
}

TEST(PackDataset, ImagesAndMasksOfSeveralFoldersStayPairs) {
  const testing::TempFolder folder;
  write_pair(folder / "first", "a", {0, 1});
  write_pair(folder / "second", "a", {1, 0});
  EXPECT_EQ(names_packed({folder / "first", folder / "second"}, folder / "p"),
            (std::vector<std::string>{"first/a", "second/a"}));
  data::DataOptions options;
  options.path = (folder / "p").string();
  const data::Dataset dataset = open_dataset(options, 2, core::silent_context());
  ASSERT_EQ(dataset.slices.size(), 2U);
  EXPECT_EQ(first_labels(dataset, 0), (std::vector<int>{0, 1, 0}));
  EXPECT_EQ(first_labels(dataset, 1), (std::vector<int>{1, 0, 1}));
}

TEST(PackImages, AFolderOfAnyNumberOfTiffFilesNeedsFewOpenFiles) {
  const testing::TempFolder folder;
  write_up_to(folder / "raw/0.tif", 1000);
  for (int i = 1; i < 120; ++i) {
    std::filesystem::copy_file(folder / "raw/0.tif",
                               folder / ("raw/" + std::to_string(i) + ".tif"));
  }
  const testing::OpenFileLimit limit(60);
  EXPECT_EQ(items_packed(folder / "raw", folder / "p"), 120);
}

TEST(PackImages, OpeningShowsProgressAndStops) {
  const testing::TempFolder folder;
  for (const char* name : {"a.tif", "b.tif", "c.tif"}) {
    write_up_to(folder / "raw" / name, 1000);
  }
  std::int64_t opened = 0;
  const core::Context context = testing::stopping_context([&](const testing::Reported& reported) {
    opened = reported.is_update() && reported.job == "looking at images" ? reported.done : opened;
    return opened == 2;
  });
  PackOptions options;
  options.images = {(folder / "raw").string()};
  options.output = (folder / "p").string();
  try {
    pack(options, context);
    FAIL() << "it did not stop";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
  }
  EXPECT_EQ(opened, 2);
}

}  // namespace
}  // namespace retina::pipeline
