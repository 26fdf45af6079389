#include "retina/pipeline/models/model_import.h"

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/model/model.h"
#include "retina/net/weights.h"
#include "retina/pipeline/finetune/finetune_test_data.h"
#include "retina/pipeline/models/initial_weights.h"
#include "retina/pipeline/models/models_test_data.h"
#include "retina/tensor/safetensors.h"
#include "retina/testing/bad_data.h"
#include "retina/testing/fixtures.h"
#include "retina/testing/heard.h"
#include "retina/testing/python_script.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

TEST(Models, AGivenWindowIsKeptAndThePositionsFollowIt) {
  const testing::TempFolder folder;
  const std::string file = write_pretrained(folder.path());  // of window 64
  const std::string positions = "transformer.embeddings.position_embeddings";
  const testing::Heard heard;
  const auto taken_in = [&](const std::string& path, const char* name, Json given) {
    given.update({{"action", "import"}, {"path", path}, {"output", (folder / name).string()}});
    return run_models(given, heard.context).json.at("network");
  };
  const auto table = [&](const char* name) {
    const model::Model model = model::load(folder / name);
    return net::state_dict(*model.network).at(positions);
  };
  const tensor::NamedTensors state = tensor::read_safetensors(file);

  EXPECT_EQ(taken_in(file, "theirs", {{"num_heads", 2}}).at("window"), 64);
  EXPECT_TRUE(table("theirs").equal(state.at(positions)));
  EXPECT_THAT(heard.text(), ::testing::Not(::testing::HasSubstr("resampled")));

  const Json given{{"network", {{"heads", 2}, {"window", 96}}}};
  EXPECT_EQ(taken_in(file, "given", given).at("window"), 96);
  EXPECT_TRUE(table("given").equal(net::with_grid(state, 6).at(positions)));
  EXPECT_THAT(heard.text(), ::testing::HasSubstr("resampled from 4 x 4 to 6 x 6"));
  EXPECT_EQ(taken_in(file, "authors", {{"num_heads", 2}, {"img_size", 96}}).at("window"), 96);

  run_models({{"action", "export"},
              {"path", (folder / "given").string()},
              {"output", (folder / "out.safetensors").string()}});
  const Json coarser{{"network", {{"pixel_stride", 2}}}};
  const std::string out = (folder / "out.safetensors").string();
  EXPECT_EQ(taken_in(out, "coarser", coarser).at("window"), 192) << "a told window is not given";
  EXPECT_TRUE(table("coarser").equal(table("given")));

  EXPECT_THROW(taken_in(file, "odd", {{"network", {{"heads", 2}, {"window", 100}}}}), Error);
}

/// Its weights alone name the model as well as the folder does.
TEST(Models, TheWeightsOfAModelFolderHaveItsCard) {
  const testing::TempFolder folder;
  const model::Card card = write_described_model(folder / "model");
  const testing::Heard heard;
  const std::string file = (folder / "model/weights.safetensors").string();
  const auto take_in = [&](const std::string& path, const char* name) {
    run_models({{"action", "import"}, {"path", path}, {"output", (folder / name).string()}},
               heard.context);
    return model::load(folder / name).card;
  };
  Json expected = to_json(card);
  expected["provenance"]["imported"] = "weights.safetensors";
  EXPECT_EQ(to_json(take_in(file, "again")), expected);
  EXPECT_THAT(heard.text(), ::testing::Not(::testing::HasSubstr("do not tell")));
  EXPECT_EQ(to_json(read_initial_weights(file).card.value()), to_json(card));

  fs::copy_file(file, folder / "model/other.safetensors");
  EXPECT_FALSE(read_initial_weights((folder / "model/other.safetensors").string()).card);
  core::write_atomically(folder / "model/model.json", std::string_view("{\"epoch\": 3}"));
  EXPECT_FALSE(read_initial_weights(file).card) << "that of another program";
}

TEST(Models, WeightsThatAreNotFiniteBecomeNoModel) {
  const testing::TempFolder folder;
  const std::string file = write_pretrained(folder.path());
  tensor::NamedTensors state = tensor::read_safetensors(file);
  state.tensors.front().second.fill_(std::numeric_limits<float>::quiet_NaN());
  tensor::write_safetensors(file, state);
  const std::string message = testing::bad_data_message([&] {
    run_models({{"action", "import"},
                {"path", file},
                {"output", (folder / "model").string()},
                {"num_heads", 2}});
  });
  EXPECT_THAT(message, ::testing::AllOf(::testing::HasSubstr(state.tensors.front().first),
                                        ::testing::HasSubstr("values are not finite")));
  EXPECT_FALSE(fs::exists(folder / "model"));
}

TEST(Models, AFileThatHoldsNoWeightsIsToldBeforeAnythingElse) {
  const testing::TempFolder folder;
  core::write_atomically(folder / "grid.yaml", std::string_view("datasets:\n  - name: vnc\n"));
  fs::create_directories(folder / "run");
  for (const auto& [name, complaint] :
       {std::pair("nothere.pth", "does not exist"),
        std::pair("grid.yaml", ".safetensors, .pt, .pth or .npz"), std::pair("run", "a folder")}) {
    const testing::Heard heard;
    const Json given{{"action", "import"},
                     {"path", (folder / name).string()},
                     {"output", (folder / "model").string()}};
    try {
      resolve_models(given, heard.context);
      FAIL() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data);
      EXPECT_THAT(error.what(),
                  ::testing::AllOf(::testing::HasSubstr(name), ::testing::HasSubstr(complaint)));
    }
    EXPECT_EQ(heard.text(), "") << name;
  }
}

/// Weights with the configuration of their network in the published code's keys: the model computes
/// what that code computed (tolerances of the fixtures' README, section 1).
TEST(ModelsParity, transunet_small) {
  for (const char* kind : {"finetune", "pretrain"}) {
    const fs::path fixture =
        testing::parity_root() / "retina" / fmt::format("transunet_{}_small", kind);
    RETINA_SKIP_WITHOUT(fixture);
    const testing::TempFolder folder;
    Json given = core::read_json(fixture / "config.json");
    given["action"] = "import";
    given["path"] = (fixture / "weights.safetensors").string();
    given["output"] = (folder / "model").string();
    run_models(given);
    const model::Model imported = model::load(folder / "model");
    const at::NoGradGuard no_grad;
    const at::Tensor image = tensor::read_safetensors(fixture / "input.safetensors").at("image");
    const at::Tensor expected =
        tensor::read_safetensors(fixture / "expected.safetensors").at("output_eval");
    const at::Tensor found = imported.network->forward(image);
    ASSERT_EQ(found.sizes(), expected.sizes()) << kind;
    EXPECT_LE((found - expected).abs().max().item<double>(), 2e-4) << kind;
    EXPECT_LE(((found - expected).norm() / expected.norm()).item<double>(), 2e-5) << kind;
  }
}

/// ImageNet-21k's file as numpy writes it, at full size: every array arrives where retina.md
/// section 7 says, turned as it says.
TEST(ModelsE2e, TheImagenetFileOfNumpyAtFullSize) {
  RETINA_SKIP_WITHOUT(testing::tools_python());
  const testing::TempFolder folder;
  testing::run_script("check_weights.py", "imagenet", folder.path());
  const testing::Heard heard;
  const Json imported = run_models({{"action", "import"},
                                    {"path", (folder / "R50+ViT-B_16.npz").string()},
                                    {"output", (folder / "model").string()}},
                                   heard.context)
                            .json;
  EXPECT_THAT(heard.text(), ::testing::Not(::testing::HasSubstr("network.heads")));
  EXPECT_EQ(imported.at("tensors"), 353);
  EXPECT_EQ(imported.at("parameters"), 105'275'921);
  EXPECT_EQ(imported.at("network").at("hidden"), 768);
  EXPECT_EQ(imported.at("network").at("mlp"), 3072);
  EXPECT_EQ(imported.at("network").at("heads"), 12);
  EXPECT_EQ(core::read_json(folder / "model/model.json").at("provenance").at("trained"),
            "transformer");
  const auto found = tensor::read_safetensors(folder / "model/weights.safetensors");
  const Json expected = core::read_json(folder / "expected.json");
  EXPECT_EQ(expected.size(), 353U);
  for (const auto& [name, entry] : expected.items()) {
    const at::Tensor& value = found.at(name);
    ASSERT_EQ(value.sizes(), entry[0].get<std::vector<std::int64_t>>()) << name;
    const float mark = entry[2].get<float>();
    EXPECT_EQ(value.flatten()[entry[1].get<std::int64_t>()].item<float>(), mark) << name;
    EXPECT_EQ(value.sum().item<float>(), mark) << name;  // all else is zero
  }
}

TEST(ModelsE2e, AnImagenetFileOfNumpyTellsItsHeadsAndFollowsTheWindow) {
  RETINA_SKIP_WITHOUT(testing::tools_python());
  const testing::TempFolder folder;
  testing::run_script("check_weights.py", "heads", folder.path());
  const testing::Heard heard;
  const auto network = [&](Json given) {
    given.update({{"action", "import"},
                  {"path", (folder / "heads16.npz").string()},
                  {"output", (folder / "model").string()},
                  {"overwrite", true}});
    return run_models(given, heard.context).json.at("network");
  };
  const Json told = network(Json::object());
  EXPECT_EQ(told.at("heads"), 16);
  EXPECT_EQ(told.at("window"), 224);
  EXPECT_THAT(heard.text(), ::testing::Not(::testing::HasSubstr("network.heads")));
  const Json given = network({{"network", {{"heads", 8}, {"window", 320}}}});
  EXPECT_EQ(given.at("heads"), 8);
  EXPECT_EQ(given.at("window"), 320);
  EXPECT_THAT(heard.text(), ::testing::HasSubstr("resampled from 14 x 14 to 20 x 20"));
}

}  // namespace
}  // namespace retina::pipeline
