#include "retina/pipeline/predict.h"

#include <algorithm>
#include <filesystem>
#include <stop_token>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/rng.h"
#include "retina/model/model.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

std::string save_tiny_model(const fs::path& folder, int channels) {
  torch::manual_seed(1);
  model::Card card;
  card.name = "tiny";
  card.network_options = {{"window", 64},
                          {"classes", channels},
                          {"hidden", 8},
                          {"mlp", 8},
                          {"heads", 2},
                          {"layers", 1},
                          {"resnet_units", {1, 1, 1}},
                          {"width_factor", 0.25},
                          {"group_norm_groups", 4},
                          {"decoder_head_channels", 8},
                          {"decoder_channels", {8, 8, 8, 8}}};
  card.classes = {{0, "background"}, {1, "mitochondria"}};
  for (int id = 2; id < channels; ++id) {
    card.classes.push_back({id, "class " + std::to_string(id)});
  }
  const auto network = net::make_network("transunet", card.network_options);
  network->eval();
  model::save(folder, card, *network);
  return folder.string();
}

core::Array noise(const core::Vec3& shape, std::uint64_t seed) {
  core::Array array(core::DType::u8, 1, shape);
  core::Rng rng(seed);
  for (std::uint8_t& value : array.values<std::uint8_t>()) {
    value = static_cast<std::uint8_t>(rng.integer(0, 255));
  }
  return array;
}

std::string write_volume(const fs::path& path, const core::Array& values,
                         std::optional<core::Vec3d> voxel_nm = std::nullopt) {
  store::CreateOptions how;
  how.shape = values.shape();
  how.voxel_nm = voxel_nm;
  const auto volume = store::create(path.string(), how);
  volume->write(core::whole(values.shape()), values);
  volume->finish();
  return path.string();
}

core::Array read_volume(const std::string& path) {
  const auto volume = store::open(path);
  return volume->read(core::whole(volume->shape()));
}

class Predict : public ::testing::Test {
 protected:
  PredictOptions options_for(const std::string& input, const std::string& output) const {
    PredictOptions options;
    options.model = model_;
    options.input = input;
    options.output = (folder_ / output).string();
    options.precision = tensor::Precision::fp32;
    options.threads = 1;
    return options;
  }
  PredictReport run(const PredictOptions& options) const {
    return predict(options, core::silent_context());
  }
  ErrorKind error_of(const PredictOptions& options) const {
    try {
      run(options);
    } catch (const Error& error) {
      message_ = error.what();
      return error.kind();
    }
    return ErrorKind::internal;
  }
  std::string image_folder() const {
    fs::create_directories(folder_ / "images");
    write_volume(folder_ / "images" / "a.png", noise({1, 70, 90}, 1));
    write_volume(folder_ / "images" / "b.png", noise({1, 40, 130}, 2));
    return (folder_ / "images").string();
  }

  retina::testing::TempFolder folder_;
  std::string model_ = save_tiny_model(folder_ / "model", 1);
  mutable std::string message_;
};

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

TEST_F(Predict, OutputWithoutExtensionIsLikeTheInput) {
  const std::string input = write_volume(folder_ / "in.tif", noise({5, 70, 80}, 5));
  EXPECT_EQ(run(options_for(input, "out")).output, (folder_ / "out.tif").string());
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

/// Asks for a stop at the first report of progress.
class StopSoon final : public core::Progress {
 public:
  void begin(std::string_view, std::int64_t, std::string_view) override {}
  void update(std::int64_t, std::string_view) override { source.request_stop(); }
  void end() override {}
  std::stop_source source;
};

TEST_F(Predict, AnInterruptedSetContinuesAndAnotherPlanIsRefused) {
  PredictOptions options = options_for(image_folder(), "out");
  core::Context context = core::silent_context();
  const auto stop = std::make_shared<StopSoon>();
  context.progress = stop;
  context.stop = stop->source.get_token();
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
