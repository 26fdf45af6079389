#include "retina/pipeline/models.h"

#include <cstdlib>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include "retina/core/file.h"
#include "retina/model/model.h"
#include "retina/net/weights.h"
#include "retina/pipeline/finetune_test_data.h"
#include "retina/tensor/torch_file.h"
#include "retina/testing/fixtures.h"
#include "retina/testing/python_script.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

ModelsReport run_models(const Json& given) {
  const core::Context context = core::silent_context();
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

/// What a run with this context warned of.
struct Heard {
  std::shared_ptr<std::ostringstream> text = std::make_shared<std::ostringstream>();
  core::Context context = core::silent_context();
  Heard() {
    context.log = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(*text));
  }
};

TEST(Models, AnExportedFileTellsTheWholeNetwork) {
  const testing::TempFolder folder;
  const auto import_file = [&](const fs::path& file, const char* name, Json network, Heard& heard) {
    const Json given{{"action", "import"},
                     {"path", file.string()},
                     {"output", (folder / name).string()},
                     {"network", std::move(network)}};
    return models(core::options_from_json<ModelsOptions>(resolve_models(given, heard.context)),
                  heard.context)
        .json.at("network");
  };
  Heard bare;
  const fs::path file = write_pretrained(folder.path());
  const Json network = import_file(file, "first", {{"heads", 2}, {"pixel_stride", 2}}, bare);
  EXPECT_THAT(bare.text->str(), ::testing::Not(::testing::HasSubstr("do not tell")));
  import_file(file, "assumed", {{"heads", 2}}, bare);
  EXPECT_THAT(bare.text->str(), ::testing::HasSubstr("do not tell network.pixel_stride: 1"));
  run_models({{"action", "export"},
              {"path", (folder / "first").string()},
              {"output", (folder / "out.safetensors").string()}});
  Heard whole;
  EXPECT_EQ(import_file(folder / "out.safetensors", "second", Json::object(), whole), network);
  EXPECT_THAT(whole.text->str(), ::testing::Not(::testing::HasSubstr("do not tell")));
  EXPECT_EQ(import_file(folder / "out.safetensors", "third", {{"heads", 4}}, whole).at("heads"), 4);
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

/// The authors' files, pre-trained and fine-tuned, at full size and with the names that parallel
/// training leaves, as Python writes them; and back to names and shapes that their network has.
TEST(ModelsParity, transunet_full) {
  const fs::path keys = testing::parity_root() / "retina/transunet_full/state_dict_keys.json";
  RETINA_SKIP_WITHOUT(keys);
  RETINA_SKIP_WITHOUT(testing::torch_python());
  const testing::TempFolder folder;
  testing::run_python(testing::torch_python(), "check_weights.py",
                      "write '" + folder.path().string() + "' '" + keys.string() + "'");
  const Json expected = core::read_json(keys);
  for (const auto& [kind, entries] : expected.items()) {
    const fs::path model = folder / ("model_" + kind);
    const fs::path exported = folder / ("exported_" + kind + ".pth");
    const Json imported = run_models({{"action", "import"},
                                      {"path", (folder / (kind + ".pth")).string()},
                                      {"output", model.string()}})
                              .json;
    EXPECT_EQ(imported.at("tensors"), entries.size()) << kind;
    run_models({{"action", "export"}, {"path", model.string()}, {"output", exported.string()}});
    const auto found = tensor::read_torch_file(exported);
    ASSERT_EQ(found.tensors.size(), entries.size());
    for (const Json& entry : entries) {
      std::vector<std::int64_t> shape;
      for (const Json& side : entry[1]) {
        shape.push_back(side == "C" ? 3 : side.get<std::int64_t>());  // classes of check_weights.py
      }
      EXPECT_EQ(found.at(entry[0].get<std::string>()).sizes(), shape) << entry[0];
    }
  }
}

}  // namespace
}  // namespace retina::pipeline
