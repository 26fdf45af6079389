#include "retina/model/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/model/tiny_card_for_test.h"
#include "retina/testing/file_size_limit.h"
#include "retina/testing/temp_folder.h"

namespace retina::model {
namespace {

constexpr std::int64_t kWindow = 32;

Model tiny_model() {
  Model model{tiny_card(1, kWindow), nullptr};
  model.network = net::make_network(model.card.network, model.card.network_options);
  model.network->eval();
  return model;
}

std::string load_error(const std::filesystem::path& path) {
  try {
    load(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "no error";
}

TEST(Model, LoadsWhatWasSaved) {
  const testing::TempFolder folder;
  const Model model = tiny_model();
  save(folder / "m", model.card, *model.network);
  const Model loaded = load(folder / "m");
  const at::NoGradGuard no_grad;
  const at::Tensor images_NCYX = at::randn({1, 1, 32, 32});
  EXPECT_TRUE(at::equal(model.network->forward(images_NCYX), loaded.network->forward(images_NCYX)));
  EXPECT_EQ(to_json(loaded.card), to_json(model.card));
}

TEST(Model, FindsTheModelOfARun) {
  const testing::TempFolder folder;
  const Model model = tiny_model();
  std::filesystem::create_directories(folder / "run");
  save(folder / "run" / "model", model.card, *model.network);
  EXPECT_EQ(find_model_folder(folder / "run"), folder / "run" / "model");
}

TEST(Model, SavingReplacesTheModelBefore) {
  const testing::TempFolder folder;
  Model model = tiny_model();
  save(folder / "m", model.card, *model.network);
  model.card.name = "second";
  save(folder / "m", model.card, *model.network);
  EXPECT_EQ(load(folder / "m").card.name, "second");
}

TEST(Model, NothingIsLeftOfOneThatCannotBeWritten) {
  const testing::TempFolder folder;
  const Model model = tiny_model();
  {
    const testing::FileSizeLimit limit(16384);
    EXPECT_THROW(save(folder / "m", model.card, *model.network), Error);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Model, NamesAFolderThatIsNoModel) {
  const testing::TempFolder folder;
  EXPECT_THAT(load_error(folder.path()), ::testing::HasSubstr("no model.json"));
  EXPECT_THAT(load_error(folder / "absent"), ::testing::HasSubstr("does not exist"));
}

TEST(Model, NamesWeightsOfAnotherNetwork) {
  const testing::TempFolder folder;
  const Model model = tiny_model();
  save(folder / "m", model.card, *model.network);
  Card other = tiny_card(1, kWindow);
  other.network_options["hidden"] = 16;
  core::write_atomically(folder / "m" / "model.json", to_json(other).dump());
  EXPECT_THAT(load_error(folder / "m"),
              ::testing::AllOf(::testing::HasSubstr("weights.safetensors"),
                               ::testing::HasSubstr("position_embeddings")));
}

TEST(Model, ClassesMustFitTheNetwork) {
  const testing::TempFolder folder;
  Model model = tiny_model();
  save(folder / "m", model.card, *model.network);
  Card other = model.card;
  other.classes.push_back({2, "synapse"});
  core::write_atomically(folder / "m" / "model.json", to_json(other).dump());
  EXPECT_THAT(load_error(folder / "m"), ::testing::HasSubstr("3 classes"));
}

TEST(Model, AnotherWindowKeepsAllOtherWeights) {
  const Model model = tiny_model();
  const Model larger = with_window(model, 64);
  EXPECT_EQ(larger.network->input().window, 64);
  EXPECT_EQ(larger.card.network_options.at("window"), 64);
  const at::NoGradGuard no_grad;
  EXPECT_EQ(larger.network->forward(at::zeros({1, 1, 64, 64})).sizes(),
            (std::vector<std::int64_t>{1, 1, 64, 64}));
}

}  // namespace
}  // namespace retina::model
