#include "retina/pipeline/predict/volume_prediction.h"

#include <filesystem>
#include <regex>
#include <string>

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/pipeline/predict/predict_test_data.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

/// Beside what is needed at least: enough for one block of the volumes here, not for two.
constexpr std::int64_t kSpareBytes = std::int64_t{5} << 20;

/// The same with hardly more memory than what a refusal says is needed.
PredictOptions with_tight_memory(PredictOptions options) {
  options.max_ram = "1MiB";
  try {
    predict(options, core::silent_context());
    ADD_FAILURE() << "one MiB was enough";
  } catch (const Error& error) {
    const std::string text = error.what();
    std::smatch least;
    EXPECT_TRUE(std::regex_search(text, least, std::regex("at least ([0-9.]+) ([KMG]iB)"))) << text;
    options.max_ram =
        std::to_string(core::parse_size(least[1].str() + least[2].str()) + kSpareBytes);
  }
  return options;
}

/// Many classes make every voxel expensive, so that small volumes are cut.
class VolumePredictionE2e : public ::testing::Test {
 protected:
  VolumePredictionE2e() { save_tiny_model(folder_ / "model", 20); }

  PredictOptions options_for(const core::Vec3& shape, const std::string& output) const {
    const std::filesystem::path input = folder_ / "in.zarr";
    if (!std::filesystem::exists(input)) {
      write_volume(input, noise(shape, 51));
    }
    PredictOptions options =
        prediction_of((folder_ / "model").string(), input.string(), (folder_ / output).string());
    options.axes_mode = engine::AxesMode::stack;
    options.probabilities = true;
    options.batch = 2;
    return options;
  }

  retina::testing::TempFolder folder_;
};

// The first block ends inside chunks of the defaults of zarr v2 and, by planes, of precomputed:
// those must not count as written.
TEST_F(VolumePredictionE2e, EveryFormGoesOnAfterAnInterruptedBlock) {
  const core::Vec3 shape{128, 80, 80};
  const PredictReport whole = predict(options_for(shape, "whole.zarr"), core::silent_context());
  const core::Array labels = read_volume(whole.output);
  const core::Array probabilities = read_volume(whole.probabilities);
  store::CreateOptions older;
  older.shape = shape;
  older.zarr_version = store::ZarrVersion::v0_4;
  store::create((folder_ / "old.zarr").string(), older)->finish();
  for (const char* output :
       {"a.precomputed", "a.nrrd", "a.pack", "a.h5", "a.zarr", "old.zarr/labels/a"}) {
    SCOPED_TRACE(output);
    const PredictOptions options = options_for(shape, output);
    const core::Context stopping =
        retina::testing::stopping_context([&](const retina::testing::Reported& reported) {
          return reported.is_update() && 2 * reported.done >= whole.windows;
        });
    EXPECT_THROW(predict(with_tight_memory(options), stopping), Error);
    EXPECT_FALSE(std::filesystem::exists(options.output));
    const PredictReport rest = predict(with_tight_memory(options), core::silent_context());
    EXPECT_LT(rest.windows, whole.windows);
    EXPECT_GT(rest.windows, 0);
    EXPECT_EQ(read_volume(rest.output), labels);
    EXPECT_EQ(read_volume(rest.probabilities), probabilities);
  }
}

TEST_F(VolumePredictionE2e, PlanesBesideResultsToBeCleanedAreNotCut) {
  const core::Vec3 shape{32, 200, 200};
  PredictOptions options = options_for(shape, "whole.zarr");
  options.instances = 6;
  const PredictReport whole = predict(options, core::silent_context());
  options.output = (folder_ / "cut.tif").string();
  const PredictReport cut = predict(with_tight_memory(options), core::silent_context());
  EXPECT_EQ(read_volume(cut.output), read_volume(whole.output));
  EXPECT_EQ(read_volume(cut.probabilities), read_volume(whole.probabilities));
  EXPECT_EQ(read_volume(cut.instances), read_volume(whole.instances));
}

TEST_F(VolumePredictionE2e, ObjectsOfChunkedOutputsHaveTheirForm) {
  PredictOptions options = options_for({6, 80, 80}, "a.precomputed");
  options.instances = 6;
  const PredictReport report = predict(options, core::silent_context());
  EXPECT_EQ(report.instances, (folder_ / "a_instances.precomputed").string());
  EXPECT_EQ(store::open(report.instances)->shape(), (core::Vec3{6, 80, 80}));
}

}  // namespace
}  // namespace retina::pipeline
