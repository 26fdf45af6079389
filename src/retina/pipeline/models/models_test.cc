#include "retina/pipeline/models/models.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/lock.h"
#include "retina/core/options.h"
#include "retina/model/model.h"
#include "retina/pipeline/finetune/finetune_test_data.h"
#include "retina/pipeline/models/models_test_data.h"
#include "retina/tensor/safetensors.h"
#include "retina/tensor/torch_file.h"
#include "retina/testing/fixtures.h"
#include "retina/testing/heard.h"
#include "retina/testing/python_script.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

TEST(Models, ImportedExportedAndShown) {
  const testing::TempFolder folder;
  const std::string file = write_pretrained(folder.path());
  const Json imported = run_models({{"action", "import"},
                                    {"path", file},
                                    {"output", (folder / "model").string()},
                                    {"num_heads", 2},  // as the authors' configuration has it
                                    {"kind", "pretrain"},
                                    {"licence", "CC0"}})
                            .json;
  EXPECT_EQ(imported.at("network").at("hidden"), 16);
  EXPECT_EQ(imported.at("network").at("heads"), 2);

  const ModelsReport shown =
      run_models({{"action", "show"}, {"path", (folder / "model").string()}});
  EXPECT_THAT(shown.text, ::testing::AllOf(::testing::HasSubstr("CC0"),
                                           ::testing::HasSubstr("restores images")));
  for (const char* name : {"out.safetensors", "out.pth"}) {
    run_models({{"action", "export"},
                {"path", (folder / "model").string()},
                {"output", (folder / name).string()}});
  }
  const auto expected = tensor::read_safetensors(file);
  for (const auto& found : {tensor::read_safetensors(folder / "out.safetensors"),
                            tensor::read_torch_file(folder / "out.pth")}) {
    ASSERT_EQ(found.tensors.size(), expected.tensors.size());
    for (const auto& [name, value] : expected.tensors) {
      EXPECT_TRUE(found.at(name).equal(value)) << name;
    }
  }
  EXPECT_THROW(run_models({{"action", "export"},
                           {"path", (folder / "model").string()},
                           {"output", (folder / "out.pth").string()}}),
               Error);
}

TEST(Models, AnOutputThatAnotherProcessWritesIsRefused) {
  const testing::TempFolder folder;
  const std::string file = write_pretrained(folder.path());
  const auto kind_of_failure = [&](const Json& given) {
    const core::OutputLock other(given.at("output").get<std::string>());
    try {
      run_models(given);
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::internal;
  };
  const Json taken_in{{"action", "import"},
                      {"path", file},
                      {"output", (folder / "model").string()},
                      {"num_heads", 2}};
  EXPECT_EQ(kind_of_failure(taken_in), ErrorKind::resource);
  run_models(taken_in);
  const Json given_out{{"action", "export"},
                       {"path", (folder / "model").string()},
                       {"output", (folder / "out.safetensors").string()}};
  EXPECT_EQ(kind_of_failure(given_out), ErrorKind::resource);
  EXPECT_FALSE(fs::exists(folder / "out.safetensors"));
}

TEST(Models, TheWholeCardTravelsWithExportedWeights) {
  const testing::TempFolder folder;
  const model::Card card = write_described_model(folder / "model");
  for (const char* extension : {".safetensors", ".pth"}) {
    const std::string name = std::string("out") + extension;
    const testing::Heard heard;
    const auto run_verb = [&](const Json& given) {
      return models(core::options_from_json<ModelsOptions>(resolve_models(given, heard.context)),
                    heard.context);
    };
    const fs::path file = folder / name;
    const ModelsReport exported = run_verb(
        {{"action", "export"}, {"path", (folder / "model").string()}, {"output", file.string()}});
    EXPECT_THAT(heard.text(), ::testing::HasSubstr("CC BY-NC-SA 4.0"));
    EXPECT_EQ(exported.json.value("card", ""),
              file.extension() == ".pth" ? file.string() + ".json" : "");
    const auto imported = [&](const std::string& output, Json given) {
      given.update(
          {{"action", "import"}, {"path", file.string()}, {"output", (folder / output).string()}});
      run_verb(given);
      return model::load(folder / output).card;
    };
    Json expected = to_json(card);
    expected["provenance"]["imported"] = name;
    EXPECT_EQ(to_json(imported("again_" + name, Json::object())), expected);
    EXPECT_THAT(heard.text(), ::testing::Not(::testing::HasSubstr("not known")));
    EXPECT_THAT(heard.text(), ::testing::Not(::testing::HasSubstr("do not tell")));
    const model::Card over = imported("over_" + name, {{"name", "mine"},
                                                       {"licence", "CC0"},
                                                       {"classes", {"nuclei"}},
                                                       {"normalisation", {{"mean", 0.3}}}});
    EXPECT_EQ(over.name, "mine");
    EXPECT_EQ(over.licence, "CC0");
    EXPECT_EQ(over.classes.at(1).name, "nuclei");
    EXPECT_EQ(over.preprocess.mean, 0.3);
    EXPECT_EQ(over.preprocess.std, 0.19);
  }
}

TEST(Models, AnExportedFileTellsTheWholeNetwork) {
  const testing::TempFolder folder;
  const auto import_file = [&](const fs::path& file, const char* name, Json network,
                               testing::Heard& heard) {
    const Json given{{"action", "import"},
                     {"path", file.string()},
                     {"output", (folder / name).string()},
                     {"network", std::move(network)}};
    return models(core::options_from_json<ModelsOptions>(resolve_models(given, heard.context)),
                  heard.context)
        .json.at("network");
  };
  testing::Heard bare;
  const fs::path file = write_pretrained(folder.path());
  const Json network = import_file(file, "first", {{"heads", 2}, {"pixel_stride", 2}}, bare);
  EXPECT_THAT(bare.text(), ::testing::Not(::testing::HasSubstr("do not tell")));
  import_file(file, "assumed", {{"heads", 2}}, bare);
  EXPECT_THAT(bare.text(), ::testing::HasSubstr("do not tell network.pixel_stride: 1"));
  run_models({{"action", "export"},
              {"path", (folder / "first").string()},
              {"output", (folder / "out.safetensors").string()}});
  testing::Heard whole;
  EXPECT_EQ(import_file(folder / "out.safetensors", "second", Json::object(), whole), network);
  EXPECT_THAT(whole.text(), ::testing::Not(::testing::HasSubstr("do not tell")));
  EXPECT_EQ(import_file(folder / "out.safetensors", "third", {{"heads", 4}}, whole).at("heads"), 4);
}

/// Names and shapes of the fixture as check_weights.py describes a file: in order, with types.
Json as_described(const Json& entries) {
  Json described = Json::array();
  for (const Json& entry : entries) {
    Json shape = Json::array();
    for (const Json& side : entry[1]) {
      shape.push_back(side == "C" ? Json(3) : side);  // classes of check_weights.py
    }
    const auto name = entry[0].get<std::string>();
    const bool counts = name.ends_with("num_batches_tracked");
    described.push_back({name, counts ? "torch.int64" : "torch.float32", shape});
  }
  return described;
}

/// That it holds what check_weights.py gives tensor number `k` of a whole network.
bool is_marked(const at::Tensor& tensor, std::int64_t k) {
  const at::Tensor ramp = at::arange(1, tensor.numel() + 1, at::kDouble) * (k + 1);
  return tensor.equal(ramp.view(tensor.sizes()).to(tensor.scalar_type()));
}

/// The authors' files, pre-trained and fine-tuned, at full size and with the names that parallel
/// training leaves, as Python writes them, every tensor with values of its own; and back to names,
/// shapes and values that their network has.
TEST(ModelsParity, transunet_full) {
  const fs::path keys = testing::parity_root() / "retina/transunet_full/state_dict_keys.json";
  RETINA_SKIP_WITHOUT(keys);
  RETINA_SKIP_WITHOUT(testing::torch_python());
  const testing::TempFolder folder;
  testing::run_python(testing::torch_python(), "check_weights.py",
                      "write '" + folder.path().string() + "' '" + keys.string() + "'");
  const Json expected = core::read_json(keys);
  const fs::path exported = folder / "exported";
  fs::create_directories(exported);
  for (const auto& [kind, entries] : expected.items()) {
    const fs::path model = folder / ("model_" + kind);
    const Json imported = run_models({{"action", "import"},
                                      {"path", (folder / (kind + ".pth")).string()},
                                      {"output", model.string()}})
                              .json;
    EXPECT_EQ(imported.at("tensors"), entries.size()) << kind;
    const auto held = tensor::read_safetensors(model / "weights.safetensors");
    for (std::size_t k = 0; k < entries.size(); ++k) {
      const auto name = entries[k][0].get<std::string>();
      EXPECT_TRUE(is_marked(held.at(name), static_cast<std::int64_t>(k))) << kind << ": " << name;
    }
    run_models({{"action", "export"},
                {"path", model.string()},
                {"output", (exported / (kind + ".pth")).string()}});
  }
  const Json found = Json::parse(testing::run_python(testing::torch_python(), "check_weights.py",
                                                     "describe '" + exported.string() + "'"));
  for (const auto& [kind, entries] : expected.items()) {
    EXPECT_EQ(found.at(kind + ".pth"), as_described(entries)) << kind;
  }
}

}  // namespace
}  // namespace retina::pipeline
