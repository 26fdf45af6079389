#include "retina/pipeline/predict/predict.h"

#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/resampled_volume.h"
#include "retina/engine/volume_predictor.h"
#include "retina/pipeline/predict/object_cleaning.h"
#include "retina/pipeline/predict/predict_test_data.h"
#include "retina/store/open.h"
#include "retina/testing/heard.h"
#include "retina/testing/stopping_context.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

TEST_F(Predict, AFolderOfImagesBecomesPngFilesOfTheSameNames) {
  PredictOptions options = options_for(image_folder(), "out");
  options.probabilities = true;
  options.overlay = true;
  const PredictReport report = run(options);
  EXPECT_EQ(report.mode, "2d");
  EXPECT_EQ(report.images, 2);
  EXPECT_EQ(report.voxels, 70 * 90 + 40 * 130);
  for (const auto& [name, shape] :
       {std::pair("a", core::Vec3{1, 70, 90}), std::pair("b", core::Vec3{1, 40, 130})}) {
    const std::string file = std::string("/") + name + ".png";
    EXPECT_EQ(read_volume(report.output + file).shape(), shape);
    EXPECT_EQ(read_volume(report.probabilities + file).shape(), shape);
    EXPECT_TRUE(fs::exists(report.overlay + file));
  }
  EXPECT_FALSE(fs::exists(core::partial_path(report.output)));
}

TEST_F(Predict, OverlaysOfAVolumeReplaceNothingUnasked) {
  const std::string input = write_volume(folder_ / "in.zarr", noise({3, 70, 90}, 1));
  PredictOptions options = options_for(input, "out.zarr");
  options.axes_mode = engine::AxesMode::stack;
  options.overlay = true;
  fs::create_directories(folder_ / "out_overlay");
  core::write_atomically(folder_ / "out_overlay/mine.png", std::string_view("mine"));
  EXPECT_EQ(error_of(options), ErrorKind::usage);
  EXPECT_FALSE(fs::exists(options.output));
  options.overwrite = true;
  const PredictReport report = run(options);
  EXPECT_EQ(report.overlay, (folder_ / "out_overlay").string());
  EXPECT_EQ(std::distance(fs::directory_iterator(report.overlay), fs::directory_iterator()), 3);
  EXPECT_FALSE(fs::exists(folder_ / "out_overlay/mine.png"));
  EXPECT_FALSE(fs::exists(core::partial_path(report.overlay)));
}

TEST_F(Predict, LabelsAreClassIds) {
  const core::Array labels = read_volume(run(options_for(image_folder(), "out")).output + "/a.png");
  EXPECT_THAT(labels.values<std::uint8_t>(), ::testing::Each(::testing::Le(1)));
}

TEST_F(Predict, AVolumeKeepsItsShapeAndVoxelSize) {
  const std::string input =
      write_volume(folder_ / "in.zarr", noise({20, 70, 80}, 3), core::Vec3d{10, 8, 8});
  const PredictReport report = run(options_for(input, "out.zarr"));
  EXPECT_EQ(report.mode, "orthoplane");
  const auto output = store::open(report.output);
  EXPECT_EQ(output->shape(), (core::Vec3{20, 70, 80}));
  EXPECT_EQ(output->info().voxel_nm, (core::Vec3d{10, 8, 8}));
}

TEST_F(Predict, AnisotropicVolumesAreStacks) {
  const std::string input =
      write_volume(folder_ / "in.zarr", noise({5, 70, 80}, 4), core::Vec3d{40, 4, 4});
  EXPECT_EQ(run(options_for(input, "out.zarr")).mode, "stack");
}

TEST_F(Predict, OrthoplaneOfAnisotropicVoxelsIsWarnedOf) {
  const std::string input =
      write_volume(folder_ / "in.zarr", noise({5, 70, 80}, 4), core::Vec3d{9, 4, 4});
  PredictOptions options = options_for(input, "out.zarr");
  options.axes_mode = engine::AxesMode::orthoplane;
  options.dry_run = true;
  const testing::Heard heard;
  predict(options, heard.context);
  EXPECT_THAT(heard.text(), ::testing::HasSubstr("--axes-mode stack is the safer choice"));
}

TEST_F(Predict, OutputWithoutExtensionIsLikeTheInput) {
  const std::string input = write_volume(folder_ / "in.tif", noise({5, 70, 80}, 5));
  EXPECT_EQ(run(options_for(input, "out")).output, (folder_ / "out.tif").string());
}

TEST_F(Predict, OutputWithoutExtensionReplacesNoInput) {
  const core::Array values = noise({5, 70, 80}, 5);
  const std::string input = write_volume(folder_ / "in.tif", values);
  PredictOptions options = options_for(input, "in");
  options.overwrite = true;
  EXPECT_EQ(error_of(options), ErrorKind::usage);
  EXPECT_THAT(message_, ::testing::HasSubstr("the input"));
  EXPECT_EQ(read_volume(input), values);
}

TEST_F(Predict, AFolderIsAVolumeOnRequest) {
  const std::string images = write_volume(folder_ / "slices", noise({6, 70, 80}, 6));
  PredictOptions options = options_for(images, "out.zarr");
  options.axes_mode = engine::AxesMode::stack;
  EXPECT_EQ(store::open(run(options).output)->shape(), (core::Vec3{6, 70, 80}));
}

class PredictE2e : public Predict {};

TEST_F(PredictE2e, LittleMemoryChangesNoVoxel) {
  const std::string input = write_volume(folder_ / "in.zarr", noise({80, 260, 260}, 7));
  PredictOptions options = options_for(input, "whole.zarr");
  options.batch = 2;
  options.axes_mode = engine::AxesMode::stack;
  const PredictReport whole = run(options);
  options.output = (folder_ / "cut.zarr").string();
  options.max_ram = std::to_string(core::peak_rss_bytes() + (std::int64_t{40} << 20));
  const PredictReport cut = run(options);
  EXPECT_LT(cut.planned_peak_bytes, whole.planned_peak_bytes);
  EXPECT_GT(cut.windows, whole.windows);
  EXPECT_EQ(read_volume(cut.output), read_volume(whole.output));
}

TEST_F(Predict, RethresholdingTheProbabilitiesGivesTheLabels) {
  const std::string input =
      write_volume(folder_ / "in.zarr", noise({10, 70, 80}, 8), core::Vec3d{8, 8, 8});
  PredictOptions options = options_for(input, "out.zarr");
  options.probabilities = true;
  const PredictReport report = run(options);
  EXPECT_EQ(report.probabilities, (folder_ / "out_probabilities.zarr").string());
  const core::Array labels = read_volume(report.output);
  const core::Array p = read_volume(report.probabilities);
  for (std::size_t i = 0; i < labels.values<std::uint8_t>().size(); ++i) {
    ASSERT_EQ(labels.values<std::uint8_t>()[i], p.values<std::uint8_t>()[i] > 127 ? 1 : 0);
  }
}

TEST_F(Predict, AThresholdForAModelOfSeveralClassesIsRefused) {
  PredictOptions options =
      options_for(write_volume(folder_ / "in.zarr", noise({2, 70, 80}, 9)), "out.zarr");
  options.model = save_tiny_model(folder_ / "three", 3);
  options.threshold = 0.4;
  EXPECT_EQ(error_of(options), ErrorKind::usage);
  EXPECT_NE(message_.find("3 classes"), std::string::npos) << message_;
  EXPECT_FALSE(fs::exists(options.output));
}

TEST_F(Predict, APlaceInsideAContainerHoldsAllOfIt) {
  const std::string input = write_volume(folder_ / "x.zarr", noise({6, 70, 80}, 12));
  PredictOptions options = options_for(input, "plain.zarr");
  options.axes_mode = engine::AxesMode::stack;
  const core::Array labels = read_volume(run(options).output);
  options.probabilities = true;
  options.overlay = true;
  for (const int neighbours : {0, 6}) {  // written at once, and cleaned from what lies aside
    options.instances = neighbours;
    for (const std::string output : {"out.h5:/seg", "x.zarr/labels/mito"}) {
      options.output = (folder_ / output).string() + std::to_string(neighbours);
      const PredictReport report = run(options);
      EXPECT_EQ(report.output, options.output);
      EXPECT_EQ(report.probabilities, options.output + "_probabilities");
      EXPECT_EQ(read_volume(report.output), labels);
      EXPECT_EQ(read_volume(report.probabilities).shape(), labels.shape());
      if (neighbours > 0) {
        EXPECT_EQ(report.instances, options.output + "_instances");
        EXPECT_EQ(store::open(report.instances)->info().dtype, core::DType::u32);
      }
      EXPECT_EQ(fs::path(report.overlay).parent_path(), folder_.path());
      fs::remove_all(report.overlay);
    }
  }
  EXPECT_TRUE(fs::is_regular_file(folder_ / "out.h5"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 4)
      << "x, model, plain and out, and nothing left behind";
}

TEST_F(Predict, AnInterruptedDatasetIsMadeByTheSameCommandAgain) {
  const std::string input = write_volume(folder_ / "in.zarr", noise({12, 70, 80}, 13));
  PredictOptions options = options_for(input, "plain.zarr");
  options.axes_mode = engine::AxesMode::stack;
  const core::Array labels = read_volume(run(options).output);
  options.output = (folder_ / "out.h5").string() + ":/seg";
  // a small volume is one block: a stop finds it at work before that block only
  const core::Context context =
      retina::testing::stopping_context([](const retina::testing::Reported& reported) {
        return reported.what == retina::testing::Reported::What::begin;
      });
  EXPECT_THROW(predict(options, context), Error);
  EXPECT_FALSE(fs::exists(folder_ / "out.h5"));
  EXPECT_EQ(read_volume(run(options).output), labels);
}

TEST_F(Predict, ASetReplacesNoFolderOfOtherThings) {
  PredictOptions options = options_for(image_folder(), "out");
  run(options);
  core::write_atomically(folder_ / "out/notes.txt", std::string_view("mine"));
  options.overwrite = true;
  EXPECT_EQ(error_of(options), ErrorKind::usage);
  EXPECT_THAT(message_, ::testing::HasSubstr("notes.txt"));
  EXPECT_TRUE(fs::exists(folder_ / "out/notes.txt"));
}

TEST_F(Predict, ADryRunPlansAndWritesNothing) {
  const std::string input = write_volume(folder_ / "in.zarr", noise({10, 70, 80}, 9));
  PredictOptions options = options_for(input, "out.zarr");
  options.dry_run = true;
  const PredictReport report = run(options);
  EXPECT_GT(report.windows, 0);
  EXPECT_GE(report.windows, report.windows_needed);
  EXPECT_FALSE(fs::exists(folder_ / "out.zarr"));
  options.dry_run = false;
  EXPECT_EQ(run(options).windows, report.windows);
}

TEST_F(Predict, AFinishedOutputNeedsOverwrite) {
  PredictOptions options = options_for(image_folder(), "out");
  run(options);
  EXPECT_EQ(error_of(options), ErrorKind::usage);
  EXPECT_THAT(message_, ::testing::HasSubstr("--overwrite"));
  options.overwrite = true;
  EXPECT_EQ(run(options).images, 2);
}

TEST_F(Predict, AnInterruptedSetContinuesAndAnotherPlanIsRefused) {
  PredictOptions options = options_for(image_folder(), "out");
  const core::Context context = context_that_stops_soon();
  EXPECT_THROW(predict(options, context), Error);
  EXPECT_FALSE(fs::exists(folder_ / "out"));
  options.threshold = 0.3;
  EXPECT_EQ(error_of(options), ErrorKind::usage);
  options.threshold.reset();
  const PredictReport report = run(options);
  EXPECT_EQ(report.windows_needed, 2 * 2 + 1 * 3);
  EXPECT_TRUE(fs::exists(report.output + "/a.png"));
  EXPECT_TRUE(fs::exists(report.output + "/b.png"));
}

TEST_F(Predict, PublishedProcedureUsesManyMoreWindows) {
  PredictOptions options = options_for(image_folder(), "out");
  const PredictReport ours = run(options);
  options.procedure = Procedure::published;
  options.output = (folder_ / "published").string();
  options.precision = tensor::Precision::automatic;
  const PredictReport published = run(options);
  EXPECT_EQ(published.precision, "fp32");
  EXPECT_GT(published.windows_needed, ours.windows_needed);
}

TEST_F(Predict, ImagesOfOtherTypesAreMappedOnce) {
  core::Array wide(core::DType::u16, 1, {1, 70, 70});
  const core::Array bytes = noise({1, 70, 70}, 10);
  std::transform(bytes.values<std::uint8_t>().begin(), bytes.values<std::uint8_t>().end(),
                 wide.values<std::uint16_t>().begin(),
                 [](std::uint8_t v) { return static_cast<std::uint16_t>(10 * v); });
  store::CreateOptions how;
  how.dtype = core::DType::u16;
  how.shape = wide.shape();
  const auto file = store::create((folder_ / "wide.tif").string(), how);
  file->write(core::whole(wide.shape()), wide);
  file->finish();
  PredictOptions options = options_for((folder_ / "wide.tif").string(), "wide_out.tif");
  options.input_range = {0, 2550};
  const core::Array of_wide = read_volume(run(options).output);
  const std::string narrow = write_volume(folder_ / "narrow.tif", bytes);
  EXPECT_EQ(read_volume(run(options_for(narrow, "narrow_out.tif")).output), of_wide);
}

TEST_F(Predict, BadInputsAreNamed) {
  fs::create_directories(folder_ / "empty");
  EXPECT_EQ(error_of(options_for((folder_ / "empty").string(), "out")), ErrorKind::bad_data);
  EXPECT_THAT(message_, ::testing::HasSubstr("empty"));
  EXPECT_EQ(error_of(options_for((folder_ / "absent.png").string(), "out")), ErrorKind::bad_data);
  EXPECT_THAT(message_, ::testing::HasSubstr("absent.png"));
  PredictOptions options = options_for(image_folder(), "out");
  options.model = (folder_ / "empty").string();
  EXPECT_EQ(error_of(options), ErrorKind::bad_data);
  EXPECT_THAT(message_, ::testing::HasSubstr("model.json"));
}

TEST_F(Predict, ReportsAllBadOptionsAtOnce) {
  PredictOptions options;
  options.threshold = 2;
  options.input_range = {5, 1};
  EXPECT_GE(options.validate().size(), 5U);
}

/// Twice the pixels of an image along y and x.
core::Array doubled(const core::Array& values) {
  const core::Vec3& s = values.shape();
  core::Array result(values.dtype(), 1, {s[0], 2 * s[1], 2 * s[2]});
  for (std::int64_t z = 0; z < s[0]; ++z) {
    for (std::int64_t y = 0; y < 2 * s[1]; ++y) {
      for (std::int64_t x = 0; x < 2 * s[2]; ++x) {
        result.at<std::uint8_t>(0, z, y, x) = values.at<std::uint8_t>(0, z, y / 2, x / 2);
      }
    }
  }
  return result;
}

class PredictCleaning : public Predict, public ::testing::WithParamInterface<engine::AxesMode> {
 protected:
  PredictOptions cleaning_options(const std::string& input, const std::string& output) const {
    PredictOptions options = options_for(input, output);
    options.axes_mode = GetParam();
    options.min_object_size = 20;
    options.fill_holes = model::FillHoles::volume;
    options.instances = GetParam() == engine::AxesMode::plane ? 4 : 6;
    return options;
  }
};

TEST_P(PredictCleaning, LabelsAreThoseOfTheNetworkCleaned) {
  const std::string input = write_volume(folder_ / "in.zarr", noise({12, 70, 80}, 31));
  PredictOptions plain = options_for(input, "plain.zarr");
  plain.axes_mode = GetParam();
  plain.threshold = threshold_over(GetParam() == engine::AxesMode::orthoplane ? 0 : 0.9, input,
                                   GetParam());  // of three axes: 2 values
  const core::Array raw = read_volume(run(plain).output);
  PredictOptions options = cleaning_options(input, "clean.zarr");
  options.threshold = plain.threshold;
  const PredictReport report = run(options);

  const auto volume = core::in_memory(raw);
  const label::CleanedLabels expected(
      *volume, label::BlockGrid(raw.shape(), {5, 33, 21}),
      clean_rules({.min_object_size = 20,
                   .fill_holes = model::FillHoles::volume,
                   .instances = GetParam() == engine::AxesMode::plane ? 4 : 6},
                  volume->info(), GetParam()),
      core::silent_context());
  core::Array labels(core::DType::u8, 1, raw.shape());
  core::Array ids(core::DType::u64, 1, raw.shape());
  for (std::int64_t i = 0; i < expected.grid().count(); ++i) {
    const auto block = expected.read(i);
    core::copy_overlap(block.labels, expected.grid().box(i).start, labels, {0, 0, 0});
    core::copy_overlap(block.ids, expected.grid().box(i).start, ids, {0, 0, 0});
  }
  EXPECT_EQ(read_volume(report.output), labels);
  EXPECT_EQ(read_volume(report.instances), core::convert(ids, core::DType::u32));
  EXPECT_EQ(report.objects, expected.objects());
  EXPECT_GT(report.objects_removed + report.holes_filled, 0U);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 5)
      << "in, model, plain, clean and clean_instances, and nothing left behind";
}

INSTANTIATE_TEST_SUITE_P(All, PredictCleaning,
                         ::testing::Values(engine::AxesMode::plane, engine::AxesMode::stack,
                                           engine::AxesMode::orthoplane));

TEST_F(Predict, TheModelsCleaningIsUsedUnlessToldOtherwise) {
  const std::string input = write_volume(folder_ / "in.zarr", noise({6, 70, 80}, 32));
  PredictOptions options = options_for(input, "asked.zarr");
  options.axes_mode = engine::AxesMode::stack;
  options.threshold = threshold_over(0.5, input, engine::AxesMode::stack);
  options.min_object_size = 50;
  const core::Array asked = read_volume(run(options).output);
  model::Model model = model::load(model_);
  model.card.postprocess.min_object_size = 50;
  model::save(folder_ / "tidy", model.card, *model.network);
  options.model = (folder_ / "tidy").string();
  options.min_object_size.reset();
  options.output = (folder_ / "by_model.zarr").string();
  EXPECT_EQ(read_volume(run(options).output), asked);
  options.min_object_size = 0;
  options.output = (folder_ / "plain.zarr").string();
  EXPECT_NE(read_volume(run(options).output), asked);
}

TEST_F(Predict, ASetOfImagesIsCleanedAndNumberedImageByImage) {
  const std::string images = image_folder();
  PredictOptions options = options_for(images, "out");
  options.threshold = threshold_over(0.5, images + "/a.png", engine::AxesMode::stack);
  options.min_object_size = 5;
  options.instances = 8;
  const PredictReport report = run(options);
  EXPECT_TRUE(fs::exists(report.instances + "/a.tif"));
  EXPECT_TRUE(fs::exists(report.instances + "/b.tif"));
  EXPECT_GT(report.objects, 0U);
}

TEST_F(Predict, AnInterruptedCleaningContinues) {
  const std::string input = write_volume(folder_ / "in.zarr", noise({6, 70, 80}, 33));
  PredictOptions options = options_for(input, "out.zarr");
  options.axes_mode = engine::AxesMode::stack;
  options.min_object_size = 50;
  const core::Array expected = read_volume(run(options).output);
  options.output = (folder_ / "again.zarr").string();
  const core::Context context = context_that_stops_soon();
  EXPECT_THROW(predict(options, context), Error);
  EXPECT_FALSE(fs::exists(options.output));
  EXPECT_EQ(read_volume(run(options).output), expected);
}

TEST_F(Predict, RescaledResultsAreThoseOfTheModelsScaleBroughtToTheInputs) {
  const core::Array small = noise({6, 70, 80}, 34);
  const std::string coarse = write_volume(folder_ / "coarse.zarr", small, core::Vec3d{40, 8, 8});
  PredictOptions direct = options_for(coarse, "direct.zarr");
  direct.threshold = threshold_over(0.5, coarse, engine::AxesMode::stack);
  direct.probabilities = true;
  const core::Array seen = read_volume(run(direct).probabilities);

  // shrinking a doubled image gives the image itself, so the network sees the same
  PredictOptions options = direct;
  options.input = write_volume(folder_ / "fine.zarr", doubled(small), core::Vec3d{40, 4, 4});
  options.output = (folder_ / "out.zarr").string();
  options.rescale = true;
  options.model_voxel_nm = {40, 8, 8};
  const PredictReport report = run(options);
  const core::Vec3 shape{6, 140, 160};
  const core::Array p =
      core::ResampledVolume(core::in_memory(seen), shape, core::Resampling::smooth)
          .read(core::whole(shape));
  EXPECT_EQ(read_volume(report.probabilities), p);
  EXPECT_EQ(read_volume(report.output), engine::decide_quantised(p, *options.threshold));
}

TEST_F(Predict, RescalingToTheSameSizeChangesNothing) {
  const std::string input =
      write_volume(folder_ / "in.zarr", noise({6, 70, 80}, 35), core::Vec3d{40, 4, 4});
  const core::Array plain = read_volume(run(options_for(input, "plain.zarr")).output);
  PredictOptions options = options_for(input, "same.zarr");
  options.rescale = true;
  options.model_voxel_nm = {40, 4, 4};
  EXPECT_EQ(read_volume(run(options).output), plain);
}

TEST_F(PredictE2e, LittleMemoryChangesNoVoxelOfARescaledAndCleanedVolume) {
  const std::string input =
      write_volume(folder_ / "in.zarr", noise({64, 150, 170}, 36), core::Vec3d{8, 8, 8});
  PredictOptions options = options_for(input, "whole.zarr");
  options.batch = 2;
  options.axes_mode = engine::AxesMode::stack;
  options.rescale = true;
  options.model_voxel_nm = {8, 5, 5};
  options.threshold = threshold_over(0.5, input, engine::AxesMode::stack);
  options.min_object_size = 30;
  options.fill_holes = model::FillHoles::volume;
  options.instances = 26;
  const PredictReport whole = run(options);
  options.output = (folder_ / "cut.zarr").string();
  options.max_ram = std::to_string(core::peak_rss_bytes() + (std::int64_t{40} << 20));
  const PredictReport cut = run(options);
  EXPECT_LT(cut.planned_peak_bytes, whole.planned_peak_bytes);
  EXPECT_EQ(read_volume(cut.output), read_volume(whole.output));
  EXPECT_EQ(read_volume(cut.instances), read_volume(whole.instances));
}

TEST_F(Predict, AnotherScaleThanTheModelsIsWarnedOf) {
  const testing::Heard heard;
  const std::string input =
      write_volume(folder_ / "in.zarr", noise({4, 70, 80}, 37), core::Vec3d{40, 4, 4});
  PredictOptions options = options_for(input, "out.zarr");
  options.model_voxel_nm = {40, 6.5, 6.5};
  options.dry_run = true;
  predict(options, heard.context);
  EXPECT_THAT(heard.text(), ::testing::HasSubstr("--rescale"));
  heard.log->str("");
  options.model_voxel_nm = {40, 5, 5};
  predict(options, heard.context);
  EXPECT_THAT(heard.text(), ::testing::Not(::testing::HasSubstr("--rescale")));
}

TEST_F(Predict, ReportsTheKeysThatOthersRelyOn) {
  const Json json = to_json(run(options_for(image_folder(), "out")));
  for (const char* key : {"output", "voxels", "seconds", "windows", "windows_needed",
                          "peak_rss_bytes", "device_busy"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_GT(json.at("device_busy").get<double>(), 0);
  EXPECT_LE(json.at("device_busy").get<double>(), 1);
}

}  // namespace
}  // namespace retina::pipeline
