#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "program.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/json.h"
#include "retina/testing/fixtures.h"
#include "retina/testing/temp_folder.h"

namespace retina::e2e {
namespace {

std::vector<std::string> config_names() {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(testing::source_dir() / "configs/finetune")) {
    if (entry.path().extension() == ".yaml") {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Every configuration that the repository ships trains on its data, predicts and is scored; two
/// steps, one held-out slice.
class RealEmE2e : public ::testing::TestWithParam<std::string> {};

TEST_P(RealEmE2e, TrainsPredictsAndIsScored) {
  RETINA_SKIP_WITHOUT(testing::data_root() / "vnc");
  const testing::TempFolder folder;
  const std::string config =
      testing::source_dir().string() + "/configs/finetune/" + GetParam() + ".yaml";
  ::setenv("RETINA_DATA", testing::data_root().c_str(), 1);
  const Outcome trained =
      run_retina(folder.path(), "finetune --json -c " + config +
                                    " --max-seconds 0 --steps 2 --set validation.max_slices=1 -o " +
                                    (folder / "run").string());
  ASSERT_EQ(trained.exit_code, 0) << trained.standard_error;
  EXPECT_TRUE(trained.json()["best_validation_iou"].is_number());
  EXPECT_TRUE(std::filesystem::exists(folder / "run/report.html"));
}

INSTANTIATE_TEST_SUITE_P(Configs, RealEmE2e, ::testing::ValuesIn(config_names()),
                         [](const auto& test) { return test.param; });

/// Images under the data folder, but masks and the bodies of fib25.
std::int64_t count_raw_images() {
  std::int64_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(testing::data_root())) {
    const std::string folder = entry.path().parent_path().filename().string();
    const std::string kind = entry.path().extension().string();
    const bool is_image = kind == ".png" || kind == ".tif" || kind == ".tiff";
    count += is_image && !folder.starts_with("masks") && folder != "fib25" ? 1 : 0;
  }
  return count;
}

/// Of vnc, brain_mito, isbi2012, axon_sem and myelin_tem, as configs/finetune holds them out.
constexpr std::int64_t kHeldOutImages = 3 + 4 + 5 + 2 + 2;

TEST(RealEmPretrainingE2e, TheSmallRecipeTakesEveryImageButThoseHeldOut) {
  RETINA_SKIP_WITHOUT(testing::data_root() / "cem_examples");
  const testing::TempFolder folder;
  ::setenv("RETINA_DATA", testing::data_root().c_str(), 1);
  const Outcome plan = run_retina(
      folder.path(), "pretrain --dry-run --json -c " + testing::source_dir().string() +
                         "/configs/pretrain/retina_tiny.yaml -o " + (folder / "run").string());
  ASSERT_EQ(plan.exit_code, 0) << plan.standard_error;
  EXPECT_EQ(plan.json()["images"], count_raw_images() - kHeldOutImages);
  EXPECT_FALSE(std::filesystem::exists(folder / "run"));
}

TEST(RealEmPretrainingE2e, TheSmallRecipeRunsOnEverySource) {
  RETINA_SKIP_WITHOUT(testing::data_root() / "unlabelled");
  const testing::TempFolder folder;
  ::setenv("RETINA_DATA", testing::data_root().c_str(), 1);
  const Outcome trained =
      run_retina(folder.path(),
                 "pretrain --json -c " + testing::source_dir().string() +
                     "/configs/pretrain/retina_tiny.yaml --max-seconds 0 --steps 2 --batch 4 -o " +
                     (folder / "run").string());
  ASSERT_EQ(trained.exit_code, 0) << trained.standard_error;
  EXPECT_TRUE(trained.json()["loss"].is_number());
  EXPECT_TRUE(std::filesystem::exists(folder / "run/pictures/step_00000002.png"));
}

/// Predicts slice 13 of vnc, which no configuration trains on, into out.png of the folder.
Outcome predict_slice(const testing::TempFolder& folder, const std::filesystem::path& model) {
  const auto image = testing::data_root() / "vnc/images/13.png";
  return run_retina(folder.path(), "predict --json --model " + model.string() + " " +
                                       image.string() + " -o " + (folder / "out.png").string());
}

/// Scores that.
Outcome score_slice(const testing::TempFolder& folder) {
  const auto mask = testing::data_root() / "vnc/masks_mitochondria/13.png";
  return run_retina(folder.path(), "evaluate --json --prediction " + (folder / "out.png").string() +
                                       " --truth " + mask.string() + " --classes mitochondria");
}

TEST(RealEmPredictionE2e, AModelPredictsASliceAndIsScored) {
  RETINA_SKIP_WITHOUT(testing::data_root() / "vnc");
  const testing::TempFolder folder;
  const std::string config =
      testing::source_dir().string() + "/configs/finetune/vnc_mitochondria.yaml";
  ::setenv("RETINA_DATA", testing::data_root().c_str(), 1);
  ASSERT_EQ(run_retina(folder.path(),
                       "finetune -c " + config +
                           " --max-seconds 0 --steps 30 --set validation.max_slices=1 -o " +
                           (folder / "run").string())
                .exit_code,
            0);
  const Outcome predicted = predict_slice(folder, folder / "run");
  ASSERT_EQ(predicted.exit_code, 0) << predicted.standard_error;
  const Outcome scored = score_slice(folder);
  ASSERT_EQ(scored.exit_code, 0) << scored.standard_error;
  EXPECT_GT(scored.json()["mean_iou"].get<double>(), 0.2);
  for (const char* key : {"output", "voxels", "seconds", "windows", "windows_needed",
                          "peak_rss_bytes", "device_busy"}) {
    EXPECT_TRUE(predicted.json().contains(key)) << key;
  }
}

std::filesystem::path shipped(const std::string& name) {
  return testing::source_dir() / "models" / name;
}

Json card_of(const std::filesystem::path& model) {
  return core::read_json(model / "model.json");
}

/// In bytes: what every clone of the repository has to take.
constexpr std::uintmax_t kLargestShippedWeights = 12'000'000;

/// The text under a key; empty where there is none.
std::string text_of(const Json& table, const char* key) {
  return table.value(key, std::string());
}

void expect_provenance(const Json& made) {
  EXPECT_NE(text_of(made, "description"), "");
  EXPECT_NE(text_of(made, "program"), "");
  EXPECT_NE(text_of(made, "configuration_digest"), "");
  EXPECT_EQ(text_of(made, "init").empty(), text_of(made, "init_digest").empty());
  const Json data = made.value("data", Json::object());
  EXPECT_FALSE(data.value("sources", Json::array()).empty());
  EXPECT_NE(text_of(data, "digest"), "");
  EXPECT_NE(text_of(data, "digest_of"), "");
}

TEST(ShippedModelsE2e, TellTheirLicenceAndWhatTheyWereMadeOf) {
  int models = 0;
  for (const auto& entry : std::filesystem::directory_iterator(testing::source_dir() / "models")) {
    if (!entry.is_directory()) {
      continue;
    }
    ++models;
    const std::filesystem::path& model = entry.path();
    SCOPED_TRACE(model.filename().string());
    EXPECT_NE(slurp(model / "LICENSE"), "");
    ASSERT_TRUE(std::filesystem::exists(model / "weights.safetensors"));
    EXPECT_LT(std::filesystem::file_size(model / "weights.safetensors"), kLargestShippedWeights);
    const Json card = card_of(model);
    EXPECT_NE(text_of(card, "licence"), "");
    expect_provenance(card.at("provenance"));
  }
  EXPECT_GT(models, 0);
}

TEST(ShippedModelsE2e, MitoTinySegmentsASliceThatItWasNotTrainedOn) {
  RETINA_SKIP_WITHOUT(testing::data_root() / "vnc");
  const testing::TempFolder folder;
  const Outcome predicted = predict_slice(folder, shipped("mito-tiny"));
  ASSERT_EQ(predicted.exit_code, 0) << predicted.standard_error;
  EXPECT_THAT(predicted.standard_error,
              ::testing::HasSubstr("licence of the model: " +
                                   text_of(card_of(shipped("mito-tiny")), "licence")));
  const Outcome scored = score_slice(folder);
  ASSERT_EQ(scored.exit_code, 0) << scored.standard_error;
  EXPECT_GT(scored.json()["mean_iou"].get<double>(), 0.7);
}

/// So that a user can tell whether a model was made of the data at hand.
TEST(ShippedModelsE2e, CheckFindsTheDataThatMitoTinyWasMadeOf) {
  RETINA_SKIP_WITHOUT(testing::data_root() / "vnc");
  RETINA_SKIP_WITHOUT(testing::data_root() / "brain_mito");
  const testing::TempFolder folder;
  ::setenv("RETINA_DATA", testing::data_root().c_str(), 1);
  const Outcome checked =
      run_retina(folder.path(), "check --json -c " + testing::source_dir().string() +
                                    "/configs/finetune/mito_tiny.yaml");
  ASSERT_EQ(checked.exit_code, 0) << checked.standard_error;
  const Json made = card_of(shipped("mito-tiny")).at("provenance");
  EXPECT_EQ(checked.json().at("digest"), made.at("data").at("digest"));
}

/// At the window of the recipe, which is not that of pre-training; the licence becomes the model's.
TEST(ShippedModelsE2e, PretrainedWeightsAreFinetunedAndTheirLicenceIsSaid) {
  RETINA_SKIP_WITHOUT(testing::data_root() / "vnc");
  const testing::TempFolder folder;
  ::setenv("RETINA_DATA", testing::data_root().c_str(), 1);
  const auto weights = shipped("retina-tiny-pretrained");
  const Outcome trained = run_retina(
      folder.path(), "finetune --json -c " + testing::source_dir().string() +
                         "/configs/finetune/vnc_mitochondria.yaml --init " + weights.string() +
                         " --max-seconds 0 --steps 1 --set validation.max_slices=1 -o " +
                         (folder / "run").string());
  ASSERT_EQ(trained.exit_code, 0) << trained.standard_error;
  const std::string licence = text_of(card_of(weights), "licence");
  EXPECT_THAT(trained.standard_error, ::testing::HasSubstr("their licence: " + licence));
  const Json card = card_of(folder / "run/model");
  EXPECT_EQ(text_of(card, "licence"), licence);
  EXPECT_EQ(card.at("network_options").at("window"), 384);
}

}  // namespace
}  // namespace retina::e2e
