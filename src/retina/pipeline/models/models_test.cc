#include "retina/pipeline/models/models.h"

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/lock.h"
#include "retina/model/model.h"
#include "retina/model/tiny_card_for_test.h"
#include "retina/net/weights.h"
#include "retina/pipeline/finetune/finetune_test_data.h"
#include "retina/pipeline/models/initial_weights.h"
#include "retina/tensor/safetensors.h"
#include "retina/tensor/torch_file.h"
#include "retina/testing/bad_data.h"
#include "retina/testing/file_size_limit.h"
#include "retina/testing/fixtures.h"
#include "retina/testing/heard.h"
#include "retina/testing/python_script.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

ModelsReport run_models(const Json& given, const core::Context& context = core::silent_context()) {
  return models(core::options_from_json<ModelsOptions>(resolve_models(given, context)), context);
}

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

TEST(Models, ACardOfOddOptionsIsShown) {
  const testing::TempFolder folder;
  model::Card card = model::tiny_card(2, 64);
  card.network_options["window"] = "large";
  core::write_atomically(folder / "model.json", model::to_json(card).dump());
  EXPECT_THAT(run_models({{"action", "show"}, {"path", folder.path().string()}}).text,
              ::testing::HasSubstr("window      0"));
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

/// A model folder whose card says everything that a card can say.
model::Card write_described_model(const fs::path& folder) {
  model::Card card = model::tiny_card(1, 32);
  card.name = "described";
  card.network_options =
      core::options_to_json(core::options_from_json<net::TransUNetOptions>(card.network_options));
  card.preprocess = {.range = {10, 4000}, .mean = 0.55, .std = 0.19};
  card.voxel_nm_seen.push_back({5, 5, 5});
  card.threshold = 0.4;
  card.postprocess.min_object_size = 30;
  card.provenance = {{"preset", "retina-tiny"}, {"steps", 7}};
  card.metrics = {{"validation_iou", 0.8}};
  card.licence = "CC BY-NC-SA 4.0";
  model::save(folder, card, *net::make_network(card.network, card.network_options));
  return card;
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

TEST(Models, ATorchFileAndItsCardAreReplacedTogetherOrNotAtAll) {
  const testing::TempFolder folder;
  write_described_model(folder / "model");
  const fs::path file = folder / "out.pth";
  const fs::path card = folder / "out.pth.json";
  Json given{
      {"action", "export"}, {"path", (folder / "model").string()}, {"output", file.string()}};
  run_models(given);
  const std::string text = core::read_text(card);
  fs::remove(file);  // as an export that was killed between the two leaves it
  run_models(given);
  EXPECT_TRUE(fs::exists(file));
  fs::remove(file);
  core::write_atomically(card, std::string_view("notes of mine"));
  EXPECT_THROW(run_models(given), Error);
  EXPECT_FALSE(fs::exists(file));
  EXPECT_EQ(core::read_text(card), "notes of mine");
  given["overwrite"] = true;
  for (int i = 0; i < 2; ++i) {  // the second time there are weights to replace
    run_models(given);
    EXPECT_EQ(core::read_text(card), text);
  }
}

TEST(Models, NoCardIsLeftOfWeightsThatCannotBeWritten) {
  const testing::TempFolder folder;
  write_described_model(folder / "model");
  const Json given{{"action", "export"},
                   {"path", (folder / "model").string()},
                   {"output", (folder / "out.pth").string()}};
  {
    const testing::FileSizeLimit limit(16384);  // the card has room
    EXPECT_THROW(run_models(given), Error);
  }
  EXPECT_FALSE(fs::exists(folder / "out.pth"));
  EXPECT_FALSE(fs::exists(folder / "out.pth.json"));
  run_models(given);
  EXPECT_TRUE(fs::exists(folder / "out.pth.json"));
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

TEST(Models, NothingButAModelIsOverwritten) {
  const testing::TempFolder folder;
  const auto import_over = [&](const fs::path& output) {
    run_models({{"action", "import"},
                {"path", write_pretrained(folder.path())},
                {"output", output.string()},
                {"num_heads", 2},
                {"overwrite", true}});
  };
  fs::create_directories(folder / "data");
  core::write_atomically(folder / "data/precious.txt", std::string_view("labels"));
  EXPECT_THROW(import_over(folder / "data"), Error);
  EXPECT_THROW(import_over(folder / "data/precious.txt"), Error);
  EXPECT_EQ(core::read_text(folder / "data/precious.txt"), "labels");
  fs::create_directories(folder / "empty");
  for (int i = 0; i < 2; ++i) {  // the second time it holds a model
    EXPECT_NO_THROW(import_over(folder / "empty"));
  }
  core::write_atomically(folder / "empty/LICENSE", std::string_view("of the data"));
  EXPECT_THROW(import_over(folder / "empty"), Error);
  EXPECT_EQ(core::read_text(folder / "empty/LICENSE"), "of the data");
  fs::create_directories(folder / "folder.pth");
  EXPECT_THROW(run_models({{"action", "export"},
                           {"path", (folder / "empty").string()},
                           {"output", (folder / "folder.pth").string()},
                           {"overwrite", true}}),
               Error);
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
