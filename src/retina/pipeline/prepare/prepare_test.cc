#include "retina/pipeline/prepare/prepare.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <stop_token>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/pipeline/finetune/finetune_options.h"
#include "retina/pipeline/open_dataset.h"
#include "retina/pipeline/own_yaml.h"
#include "retina/pipeline/prepare/prepare_downloads.h"
#include "retina/pipeline/prepare/prepare_test_data.h"
#include "retina/pipeline/run/run_config.h"
#include "retina/store/open.h"
#include "retina/store/pack/pack.h"
#include "retina/testing/heard.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

using core::Array;
using core::DType;
using core::Vec3;
using downloads::drawn;
using downloads::drawn_greys;
using downloads::put;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Array plane_in(const fs::path& file) {
  const auto volume = store::open(file.string());
  return volume->read(core::whole(volume->shape()));
}

/// Plane z of a uint8 volume from `first_row` on.
Array plane_of(const Array& volume, std::int64_t z, std::int64_t first_row = 0) {
  const Vec3& n = volume.shape();
  Array plane(DType::u8, 1, {1, n[1] - first_row, n[2]});
  core::copy_overlap(volume, {0, 0, 0}, plane, {z, first_row, 0});
  return plane;
}

std::size_t files_in(const fs::path& folder) {
  return core::list_files(folder).size();
}

PrepareReport run_prepare(const testing::TempFolder& folder, const std::string& dataset,
                          PrepareOptions options = {}) {
  options.dataset = dataset;
  options.downloads = {(folder / "in").string()};
  options.output = (folder / "out").string();
  options.threads = options.threads == 0 ? 2 : options.threads;
  return prepare(options, core::silent_context());
}

std::string refusal_of_prepare(const testing::TempFolder& folder, const std::string& dataset,
                               ErrorKind kind, const PrepareOptions& options = {}) {
  try {
    run_prepare(folder, dataset, options);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    EXPECT_FALSE(fs::exists(core::partial_path(folder / "out")));
    return error.what();
  }
  return "prepared";
}

/// The training data as finetune reads them with the configuration that was written.
data::Dataset training_data_of(const PrepareReport& report) {
  Json given = parse_own_yaml(core::read_text(report.config), report.config);
  given["output"] = "run";
  const auto options =
      core::options_from_json<FinetuneOptions>(resolve_finetune(given, core::silent_context()));
  return open_dataset(options.training_data(), static_cast<int>(options.classes.size()) + 1,
                      core::silent_context());
}

TEST(PrepareCremi, SlicesOfTwoSamplesWithoutTheLastAndAWholeTestVolume) {
  const testing::TempFolder folder;
  const auto samples = downloads::put_cremi(folder);
  const PrepareReport report = run_prepare(folder, "cremi");
  EXPECT_EQ(report.images, 4 + 4 + 5);
  EXPECT_EQ(files_in(folder / "out/train/sample_A/images"), 4U);
  EXPECT_EQ(files_in(folder / "out/train/sample_B/masks"), 4U);
  EXPECT_EQ(files_in(folder / "out/test/sample_C/images"), 5U);
  EXPECT_EQ(plane_in(folder / "out/train/sample_B/images/0003.png"), plane_of(samples[1].raw, 3));
  const Array mask = plane_in(folder / "out/train/sample_B/masks/0003.png");
  for (std::int64_t y = 0; y < 18; ++y) {
    for (std::int64_t x = 0; x < 20; ++x) {
      const bool is_cleft =
          samples[1].clefts.at<std::uint64_t>(0, 3, y, x) != downloads::kBackgroundId;
      ASSERT_EQ(mask.at<std::uint8_t>(0, 0, y, x), is_cleft ? 1 : 0);
    }
  }
  ASSERT_EQ(report.folders.size(), 3U);
  EXPECT_EQ(report.folders[0].class_pixels.at(0) + report.folders[0].class_pixels.at(1),
            4 * 18 * 20);
}

TEST(PrepareCremi, FinetuneReadsWhatWasWritten) {
  const testing::TempFolder folder;
  downloads::put_cremi(folder);
  const data::Dataset dataset = training_data_of(run_prepare(folder, "cremi"));
  ASSERT_EQ(dataset.slices.size(), 8U);
  EXPECT_EQ(dataset.volumes[0].name, "sample_A/0000");
  EXPECT_EQ(dataset.volumes[0].image->info().voxel_nm, (core::Vec3d{40, 4, 4}));
  EXPECT_LE(data::read_plane(dataset, dataset.slices[5]).labels.values<std::uint8_t>()[0], 1);
}

TEST(PrepareCremi, InvalidVoxelsMayBeIgnored) {
  const testing::TempFolder folder;
  const auto samples = downloads::put_cremi(folder);
  PrepareOptions options;
  options.unknown = UnknownVoxels::ignore;
  const PrepareReport report = run_prepare(folder, "cremi", options);
  const auto clefts = samples[0].clefts.values<std::uint64_t>().first(4 * 18 * 20);
  EXPECT_EQ(report.folders[0].class_pixels.at(255),
            std::count(clefts.begin(), clefts.end(), downloads::kInvalidId));
  const data::Dataset dataset = training_data_of(report);
  const auto labels = data::read_plane(dataset, dataset.slices[0]).labels;
  EXPECT_THAT(labels.values<std::uint8_t>(), ::testing::Contains(data::kIgnore));
}

TEST(PrepareCremi, PaddedImagesAreCutToTheirLabels) {
  const testing::TempFolder folder;
  downloads::put_cremi(folder);
  fs::remove(folder / "in/sample_A_20160501.hdf");
  const Array raw = drawn_greys({9, 40, 50}, 3);
  const Array clefts = drawn<std::uint64_t>({4, 20, 18}, {downloads::kBackgroundId, 1}, 4);
  const std::string file = (folder / "in/sample_A_padded_20160501.hdf").string();
  put(file + ":/volumes/raw", raw, {.voxel_nm = core::Vec3d{40, 4, 4}});
  put(file + ":/volumes/labels/clefts", clefts,
      {.voxel_nm = core::Vec3d{40, 4, 4}, .offset_nm = {80, 12, 20}});
  const PrepareReport report = run_prepare(folder, "cremi");
  const Array plane = plane_in(folder / "out/train/sample_A/images/0002.png");
  Array expected(DType::u8, 1, {1, 20, 18});
  core::copy_overlap(raw, {0, 0, 0}, expected, {4, 3, 5});
  EXPECT_EQ(plane, expected);
  EXPECT_EQ(report.folders[0].offset_nm, (core::Vec3d{80, 12, 20}));
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("cut to them")));
}

TEST(PrepareCremi, LabelsOfAnotherShapeWithoutAPlaceAreRefused) {
  const testing::TempFolder folder;
  downloads::put_cremi(folder);
  fs::remove(folder / "in/sample_A_20160501.hdf");
  const std::string file = (folder / "in/sample_A_20160501.hdf").string();
  put(file + ":/volumes/raw", drawn_greys({5, 18, 20}, 1));
  put(file + ":/volumes/labels/clefts", drawn<std::uint64_t>({5, 18, 21}, {1}, 1));
  EXPECT_THAT(refusal_of_prepare(folder, "cremi", ErrorKind::bad_data),
              AllOf(HasSubstr("clefts"), HasSubstr("18 x 21"), HasSubstr("18 x 20")));
}

TEST(PrepareCremi, EverythingMissingIsToldAtOnce) {
  const testing::TempFolder folder;
  downloads::put_cremi(folder);
  fs::remove(folder / "in/sample_A_20160501.hdf");
  fs::remove(folder / "in/sample_C_20160501.hdf");
  put((folder / "in/sample_C_20160501.hdf").string() + ":/volumes/raw",
      drawn_greys({5, 18, 20}, 1));
  const std::string message = refusal_of_prepare(folder, "cremi", ErrorKind::bad_data);
  EXPECT_THAT(message, AllOf(HasSubstr("sample_A_20160501.hdf"), HasSubstr("sample_B_20160501.hdf"),
                             HasSubstr("cremi.org")));
  EXPECT_THAT(message,
              AllOf(HasSubstr("the datasets volumes/raw"), HasSubstr("volumes/labels/clefts")));
  EXPECT_FALSE(fs::exists(folder / "out"));
}

TEST(PrepareCremi, ArchivesHaveToBeUnpacked) {
  const testing::TempFolder folder;
  fs::create_directories(folder / "in");
  std::ofstream(folder / "in/samples.zip") << "PK";
  EXPECT_THAT(refusal_of_prepare(folder, "cremi", ErrorKind::bad_data),
              HasSubstr("unpack samples.zip first"));
}

TEST(PrepareOutput, ADryRunWritesNothing) {
  const testing::TempFolder folder;
  downloads::put_cremi(folder);
  PrepareOptions options;
  options.dry_run = true;
  const PrepareReport report = run_prepare(folder, "cremi", options);
  EXPECT_EQ(report.images, 13);
  EXPECT_THAT(to_text(report), AllOf(HasSubstr("would be written"), HasSubstr("test/sample_C")));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(PrepareOutput, OnlyPreparedDataSetsAreReplaced) {
  const testing::TempFolder folder;
  downloads::put_cremi(folder);
  run_prepare(folder, "cremi");
  EXPECT_THAT(refusal_of_prepare(folder, "cremi", ErrorKind::usage), HasSubstr("--overwrite"));
  PrepareOptions options;
  options.overwrite = true;
  std::ofstream(folder / "out/mine.txt") << "old";
  run_prepare(folder, "cremi", options);
  EXPECT_FALSE(fs::exists(folder / "out/mine.txt"));
  fs::remove(folder / "out" / kPreparedRecord);
  EXPECT_THAT(refusal_of_prepare(folder, "cremi", ErrorKind::usage, options),
              HasSubstr("prepared.json"));
  EXPECT_TRUE(fs::exists(folder / "out/finetune.yaml"));
}

TEST(PrepareOutput, AStopRequestLeavesTheOldDataSetAlone) {
  const testing::TempFolder folder;
  downloads::put_cremi(folder);
  run_prepare(folder, "cremi");
  const std::string before = core::read_text(folder / "out" / kPreparedRecord);
  std::stop_source source;
  source.request_stop();
  core::Context context = core::silent_context();
  context.stop = source.get_token();
  PrepareOptions options;
  options.dataset = "cremi";
  options.downloads = {(folder / "in").string()};
  options.output = (folder / "out").string();
  options.overwrite = true;
  try {
    prepare(options, context);
    FAIL() << "no error was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
  }
  EXPECT_EQ(core::read_text(folder / "out" / kPreparedRecord), before);
  EXPECT_FALSE(fs::exists(core::partial_path(folder / "out")));
}

TEST(PrepareOutput, WhatWasPreparedIsNoDownload) {
  const testing::TempFolder folder;
  downloads::put_cremi(folder);
  PrepareOptions options;
  options.dataset = "cremi";
  options.downloads = {folder.path().string(), (folder / "in").string()};
  options.output = (folder / "out").string();
  prepare(options, core::silent_context());
  fs::create_directories(folder / "out/copy");
  fs::copy(folder / "in", folder / "out/copy");
  options.overwrite = true;
  EXPECT_EQ(prepare(options, core::silent_context()).images, 13);
}

TEST(PrepareOutput, TheListNeedsNothingElse) {
  PrepareOptions options;
  options.list = true;
  const PrepareReport report = prepare(options, core::silent_context());
  EXPECT_THAT(to_text(report), AllOf(HasSubstr("urocell"), HasSubstr("https://cremi.org/data/"),
                                     HasSubstr("perez-nucleoli"), HasSubstr("EMPIAR-10592")));
  EXPECT_THAT(to_text(report), HasSubstr("fib1-1-0-3.nii.gz, fib1-3-2-1.nii.gz"));
  EXPECT_GE(to_json(report).at("datasets").size(), 9U);
}

TEST(PrepareUroCell, PlanesOfThreeAxesWithoutEmptyRows) {
  const testing::TempFolder folder;
  const Array cut = downloads::put_urocell(folder, "fib1-1-0-3", {6, 60, 8}, 1);
  const Array whole = downloads::put_urocell(folder, "fib1-3-2-1", {6, 9, 8}, 11);
  downloads::put_urocell(folder, "fib1-3-3-0", {6, 9, 8}, 21);
  downloads::put_urocell(folder, "fib1-4-3-0", {6, 9, 8}, 31);
  const Array test = downloads::put_urocell(folder, "fib1-0-0-0", {6, 20, 8}, 41);
  const PrepareReport report = run_prepare(folder, "urocell");
  EXPECT_EQ(report.images, (5 + 5 + 7) + 3 * (5 + 8 + 7) + 6);
  EXPECT_EQ(report.folders.size(), 4U * 3 + 1);
  const fs::path train = folder / "out/train";
  EXPECT_EQ(plane_in(train / "fib1-1-0-3_xy/images/0004.png"), plane_of(cut, 4, 54));
  EXPECT_EQ(plane_in(folder / "out/test/fib1-0-0-0/images/0005.png"), plane_of(test, 5, 12));
  const Array xz = plane_in(train / "fib1-3-2-1_xz/images/0007.png");
  const Array yz = plane_in(train / "fib1-3-2-1_yz/images/0006.png");
  EXPECT_EQ(xz.shape(), (Vec3{1, 6, 8}));
  EXPECT_EQ(yz.shape(), (Vec3{1, 6, 9}));
  EXPECT_EQ(xz.at<std::uint8_t>(0, 0, 5, 3), whole.at<std::uint8_t>(0, 5, 7, 3));
  EXPECT_EQ(yz.at<std::uint8_t>(0, 0, 5, 8), whole.at<std::uint8_t>(0, 5, 8, 6));
  EXPECT_EQ(training_data_of(report).slices.size(), 17U + 3 * 20);
}

TEST(PrepareUroCell, MitochondriaLieOnLysosomes) {
  const testing::TempFolder folder;
  for (const char* stem : {"fib1-1-0-3", "fib1-3-2-1", "fib1-3-3-0", "fib1-4-3-0", "fib1-0-0-0"}) {
    downloads::put_urocell(folder, stem, {3, 60, 8}, 1);
  }
  const PrepareReport report = run_prepare(folder, "urocell");
  const Array mask = plane_in(folder / "out/train/fib1-3-2-1_xy/masks/0001.png");
  const Array lyso = plane_in(folder / "in/lyso/binary/fib1-3-2-1.nii");
  const Array mito = plane_in(folder / "in/mito/binary/fib1-3-2-1.nii");
  for (std::int64_t y = 0; y < 60; ++y) {
    for (std::int64_t x = 0; x < 8; ++x) {
      const int expected =
          mito.at<std::uint8_t>(0, 1, y, x) != 0 ? 2 : lyso.at<std::uint8_t>(0, 1, y, x);
      ASSERT_EQ(mask.at<std::uint8_t>(0, 0, y, x), expected);
    }
  }
  EXPECT_GT(report.folders[0].overlaps, 0);
  EXPECT_THAT(report.notes, ::testing::Contains(HasSubstr("two label files")));
}

TEST(PrepareGuay, StretchesGreysAndKeepsTheReleasedSplit) {
  const testing::TempFolder folder;
  downloads::put_guay(folder / "in/platelet_data");
  const PrepareReport report = run_prepare(folder, "guay");
  EXPECT_EQ(report.images, 3 + 3 + 4);
  EXPECT_EQ(files_in(folder / "out/validation/masks"), 3U);
  const Array image = plane_in(folder / "out/train/images/0002.png");
  EXPECT_THAT(image.values<std::uint8_t>(), ::testing::Each(::testing::AnyOf(0, 127, 255)));
  EXPECT_EQ(report.folders[0].class_pixels.size(), 7U);
  EXPECT_EQ(training_data_of(report).slices.size(), 3U);
}

TEST(PrepareGuay, ReadsTheNrrdOfOthersPreparation) {
  const testing::TempFolder folder;
  const Array greys = drawn_greys({4, 18, 20}, 1);
  const Array labels = drawn<std::uint8_t>({4, 18, 20}, {0, 6}, 2);
  for (const auto& [split, stem] :
       {std::pair{"train", "train"}, std::pair{"valid", "eval"}, std::pair{"test", "test"}}) {
    const std::string name = std::string(stem) + "-images.nrrd";
    put(folder / "in" / split / "images" / name, greys);
    put(folder / "in" / split / "masks" / name, labels);
  }
  EXPECT_EQ(run_prepare(folder, "guay").images, 10);
  EXPECT_EQ(plane_in(folder / "out/test/images/0003.png"), plane_of(greys, 3));
  EXPECT_EQ(plane_in(folder / "out/test/masks/0003.png"), plane_of(labels, 3));
}

TEST(PrepareGuay, NamesALabelBeyondTheClasses) {
  const testing::TempFolder folder;
  downloads::put_guay(folder / "in");
  fs::remove(folder / "in/eval-labels.tif");
  put(folder / "in/eval-labels.tif", drawn<std::uint16_t>({4, 18, 20}, {7}, 6));
  EXPECT_THAT(refusal_of_prepare(folder, "guay", ErrorKind::bad_data),
              AllOf(HasSubstr("eval-labels.tif"), HasSubstr("label value 7")));
}

TEST(PrepareGuay, ValuesThatAreNotFiniteAreWarnedOf) {
  const testing::TempFolder folder;
  downloads::put_guay(folder / "in");
  fs::remove(folder / "in/train-images.tif");
  Array image = drawn<float>({4, 18, 20}, {0, 1}, 5);
  image.at<float>(0, 0, 2, 2) = std::numeric_limits<float>::infinity();
  image.at<float>(0, 0, 3, 3) = std::numeric_limits<float>::quiet_NaN();
  put(folder / "in/train-images.tif", image);
  PrepareOptions options;
  options.dataset = "guay";
  options.downloads = {(folder / "in").string()};
  options.output = (folder / "out").string();
  const testing::Heard heard;
  prepare(options, heard.context);
  EXPECT_THAT(heard.text(), HasSubstr("train-images.tif: 0.139 % of the values are not finite"));
  const Array plane = plane_in(folder / "out/train/images/0000.png");
  EXPECT_EQ(plane.at<std::uint8_t>(0, 0, 2, 2), 255);
  EXPECT_EQ(plane.at<std::uint8_t>(0, 0, 3, 3), 0);
}

TEST(PrepareKasthuri, PaddingIsBackgroundOrIgnoredAndNumbersPair) {
  const testing::TempFolder folder;
  downloads::put_kasthuri(folder);
  const PrepareReport report = run_prepare(folder, "kasthuri");
  EXPECT_EQ(report.images, 4);
  const Array mask = plane_in(folder / "out/train/masks/mask0001.png");
  EXPECT_THAT(mask.values<std::uint8_t>(), ::testing::Each(::testing::AnyOf(0, 1)));
  EXPECT_TRUE(fs::exists(folder / "out/test/images/mask0000.png"));
  PrepareOptions options;
  options.unknown = UnknownVoxels::ignore;
  options.overwrite = true;
  const PrepareReport ignoring = run_prepare(folder, "kasthuri", options);
  EXPECT_GT(ignoring.folders[0].class_pixels.at(255), 0);
  EXPECT_EQ(ignoring.folders[0].class_pixels.at(1), report.folders[0].class_pixels.at(1));
}

TEST(PreparePerez, PrefixesGoAndEveryOrganelleIsASetOfItsOwn) {
  const testing::TempFolder folder;
  downloads::put_perez(folder);
  const PrepareReport report = run_prepare(folder, "perez-lysosomes");
  EXPECT_EQ(report.images, 2);
  EXPECT_THAT(plane_in(folder / "out/test/masks/012.png").values<std::uint8_t>(),
              ::testing::Each(::testing::AnyOf(0, 1)));
  EXPECT_THAT(report.folders[0].sources[0], HasSubstr("training_images/lysosomes"));
  fs::remove(folder / "in/supplemental_data/ground_truth/lysosomes/vol_labels.012.png");
  PrepareOptions options;
  options.overwrite = true;
  EXPECT_THAT(refusal_of_prepare(folder, "perez-lysosomes", ErrorKind::bad_data, options),
              HasSubstr("no mask of this number"));
}

/// Grey values as colour with equal channels.
Array as_colour(const Array& grey) {
  Array colour(DType::u8, 3, grey.shape());
  auto to = colour.values<std::uint8_t>().begin();
  for (int channel = 0; channel < 3; ++channel) {
    to = std::ranges::copy(grey.values<std::uint8_t>(), to).out;
  }
  return colour;
}

std::vector<std::uint8_t> all_greys() {
  std::vector<std::uint8_t> all(256);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = static_cast<std::uint8_t>(i);
  }
  return all;
}

TEST(PreparePerez, ColourIsRefusedUnlessItsChannelsAreEqual) {
  const testing::TempFolder folder;
  downloads::put_perez(folder);
  const fs::path image = folder / "in/supplemental_data/training_images/nuclei/vol_orig.012.png";
  const Array grey = drawn_greys({1, 18, 20}, 1);
  fs::remove(image);
  put(image, as_colour(grey));
  run_prepare(folder, "perez-nuclei");
  EXPECT_EQ(plane_in(folder / "out/train/images/012.png"), grey);
  fs::remove(image);
  put(image, drawn({1, 18, 20}, all_greys(), 2, 3));
  PrepareOptions options;
  options.overwrite = true;
  EXPECT_THAT(refusal_of_prepare(folder, "perez-nuclei", ErrorKind::bad_data, options),
              AllOf(HasSubstr("vol_orig.012.png"), HasSubstr("3 channels")));
}

TEST(PrepareGuay, AVolumeOfSeveralChannelsIsRefused) {
  const testing::TempFolder folder;
  downloads::put_guay(folder / "in");
  fs::remove(folder / "in/test-images.tif");
  put(folder / "in/test-images.tif", drawn({4, 18, 20}, all_greys(), 2, 3));
  EXPECT_THAT(refusal_of_prepare(folder, "guay", ErrorKind::bad_data),
              AllOf(HasSubstr("test-images.tif"), HasSubstr("3 channels")));
}

TEST(PrepareCem500k, AColourPatchIsRefused) {
  const testing::TempFolder folder;
  put(folder / "in/cem500k/a.tif", drawn_greys({1, 18, 20}, 1));
  put(folder / "in/cem500k/b.png", drawn({1, 18, 20}, all_greys(), 2, 3));
  EXPECT_THAT(refusal_of_prepare(folder, "cem500k", ErrorKind::bad_data),
              AllOf(HasSubstr("b.png"), HasSubstr("3 channels")));
}

TEST(PrepareCem500k, PatchesOfAnySizeBecomeAPack) {
  const testing::TempFolder folder;
  const Array small = drawn_greys({1, 18, 20}, 1);
  put(folder / "in/cem500k/a.tif", small);
  put(folder / "in/cem500k/b.tif", drawn_greys({1, 24, 24}, 2));
  EXPECT_EQ(run_prepare(folder, "cem500k").images, 2);
  const store::Pack pack((folder / "out/patches.pack").string());
  ASSERT_EQ(pack.size(), 2U);
  const auto image = pack.image(pack.find("a.tif"));
  EXPECT_EQ(image->read(core::whole(image->shape())), small);
  EXPECT_TRUE(fs::exists(folder / "out/pretrain.yaml"));
}

}  // namespace
}  // namespace retina::pipeline
