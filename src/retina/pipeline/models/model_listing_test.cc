#include "retina/pipeline/models/model_listing.h"

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/model/model.h"
#include "retina/model/tiny_card_for_test.h"
#include "retina/pipeline/finetune/finetune_test_data.h"
#include "retina/pipeline/models/models_test_data.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

TEST(Models, ACardOfOddOptionsIsShown) {
  const testing::TempFolder folder;
  model::Card card = model::tiny_card(2, 64);
  card.network_options["window"] = "large";
  core::write_atomically(folder / "model.json", model::to_json(card).dump());
  EXPECT_THAT(run_models({{"action", "show"}, {"path", folder.path().string()}}).text,
              ::testing::HasSubstr("window      0"));
}

TEST(Models, ACardIsShownInLines) {
  const testing::TempFolder folder;
  model::Card card = write_described_model(folder / "first");
  card.provenance["data"]["sources"].push_back(Json{{"path", "raw/train"}, {"slices", 12}});
  card.provenance["data"]["digest"] = "0123456789abcdef";
  card.voxel_nm_seen = {{50, 4.6, 4.6}, {8, 8, 8}};
  model::save(folder / "model", card, *model::load(folder / "first").network);
  const std::string text =
      run_models({{"action", "show"}, {"path", (folder / "model").string()}}).text;
  EXPECT_THAT(text, ::testing::HasSubstr("50 x 4.6 x 4.6, 8 x 8 x 8 nm (z, y, x)\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("\n  range       10 to 4000 become 0 to 255\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("\n  threshold   0.4\n"));
  EXPECT_THAT(text, ::testing::ContainsRegex("\n    validation_iou +0.8\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("\n        path raw/train, slices 12\n"));
  EXPECT_THAT(text, ::testing::ContainsRegex("\n      digest +0123456789abcdef\n"));
  card.classes.clear();
  card.network_options["tail"] = "reconstruction";
  core::write_atomically(folder / "model/model.json", model::to_json(card).dump());
  EXPECT_THAT(run_models({{"action", "show"}, {"path", (folder / "model").string()}}).text,
              ::testing::HasSubstr("\n  threshold   none\n"));
}

TEST(Models, OneThatCannotBeReadIsListedWithTheReason) {
  const testing::TempFolder folder;
  fs::create_directories(folder / "b");
  core::write_atomically(folder / "b/model.json", std::string_view("{"));
  for (const char* name : {"c", "a"}) {
    run_models({{"action", "import"},
                {"path", write_pretrained(folder.path())},
                {"output", (folder / name).string()},
                {"num_heads", 2}});
  }
  ::setenv("RETINA_MODELS", folder.path().c_str(), 1);
  std::vector<std::string> names;
  const Json listed = run_models({{"action", "list"}}).json.at("models");
  ::unsetenv("RETINA_MODELS");
  for (const Json& entry : listed) {
    if (entry.at("path").get<std::string>().starts_with(folder.path().string())) {
      names.push_back(entry.at("name").get<std::string>());
      EXPECT_EQ(entry.contains("error"), names.back() == "b");
    }
  }
  EXPECT_THAT(names, ::testing::ElementsAre("a", "b", "c"));
}

TEST(Models, AreListedAndFoundByName) {
  const testing::TempFolder folder;
  run_models({{"action", "import"},
              {"path", write_pretrained(folder.path())},
              {"output", (folder / "tiny").string()},
              {"num_heads", 2}});
  ::setenv("RETINA_MODELS", folder.path().c_str(), 1);
  EXPECT_THAT(run_models({{"action", "list"}}).text, ::testing::HasSubstr("tiny"));
  EXPECT_EQ(model::find_model_folder("tiny"), folder / "tiny");
  ::unsetenv("RETINA_MODELS");
}

/// A home and a working folder of a user who has not set RETINA_MODELS.
class ModelPlaces : public ::testing::Test {
 protected:
  ModelPlaces() {
    for (const char* place : {kOfWork, kOfHome}) {
      fs::create_directories(folder_ / place);
    }
    ::unsetenv("RETINA_MODELS");
    ::setenv("HOME", (folder_ / "home").c_str(), 1);
    fs::current_path(folder_ / "work");
  }
  ~ModelPlaces() override {
    fs::current_path(working_folder_);
    if (home_) {
      ::setenv("HOME", home_->c_str(), 1);
    } else {
      ::unsetenv("HOME");
    }
  }

  static std::optional<std::string> variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  }

  static constexpr const char* kOfWork = "work/models";
  static constexpr const char* kOfHome = "home/.local/share/retina/models";
  const testing::TempFolder folder_;
  const fs::path working_folder_ = fs::current_path();
  const std::optional<std::string> home_ = variable("HOME");
};

TEST_F(ModelPlaces, OfTheWorkingFolderAndOfTheUserAreListedAndFoundByName) {
  const fs::path of_home = folder_ / kOfHome;
  for (const fs::path& model :
       {folder_ / kOfWork / "a", folder_ / kOfWork / "twice", of_home / "b", of_home / "twice"}) {
    write_described_model(model);
  }
  std::vector<std::string> paths;
  const Json listed = run_models({{"action", "list"}}).json.at("models");
  for (const Json& entry : listed) {
    paths.push_back(entry.at("path").get<std::string>());
  }
  ASSERT_GE(paths.size(), 4U);  // then those of the archive that the program came in
  paths.resize(4);
  EXPECT_THAT(paths, ::testing::ElementsAre("models/a", "models/twice", (of_home / "b").string(),
                                            (of_home / "twice").string()));
  EXPECT_EQ(model::find_model_folder("a"), fs::path("models/a"));
  EXPECT_EQ(model::find_model_folder("b"), of_home / "b");
  EXPECT_EQ(model::find_model_folder("twice"), fs::path("models/twice"));
  EXPECT_EQ(run_models({{"action", "show"}, {"path", "b"}}).json.at("path"),
            (of_home / "b").string());
  EXPECT_THROW(model::find_model_folder("c"), Error);
}

}  // namespace
}  // namespace retina::pipeline
