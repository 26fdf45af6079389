#include "retina/cli/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::cli {
namespace {

using ::testing::HasSubstr;

struct ToyOptions {
  std::string input;
  std::string output;
  int batch = 4;
  bool overwrite = false;
  bool pictures = true;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("input", self.input, "what to read");
    visit("output", self.output, "where to write");
    visit("batch", self.batch, "windows at once");
    visit("overwrite", self.overwrite, "replace the output");
    visit("pictures", self.pictures, "draw");
  }
};

std::vector<Command> toy_commands() {
  return {make_command<ToyOptions>(
      "predict", "Predict.", {"input"}, [](const ToyOptions& options, const core::Context&) {
        return Rendered{.json = core::options_to_json(options), .text = ""};
      })};
}

struct ListOptions {
  std::string dataset;
  std::vector<std::string> images;
  std::vector<std::string> classes;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("dataset", self.dataset, "what to check");
    visit("images", self.images, "what to pack");
    visit("classes", self.classes, "their names");
  }
};

/// What a verb with a list flag, and the positional `key`, understands.
Json list_run(const std::string& key, const std::vector<std::string>& arguments) {
  const std::vector<Command> commands{make_command<ListOptions>(
      "verb", "A verb.", {key}, [](const ListOptions& options, const core::Context&) {
        return Rendered{.json = core::options_to_json(options), .text = ""};
      })};
  const auto invocation = parse(commands, arguments);
  return invocation->command->run(invocation->configuration, "", core::silent_context()).json;
}

Json toy_run(const std::vector<std::string>& arguments) {
  const auto commands = toy_commands();
  const auto invocation = parse(commands, arguments);
  return invocation->command
      ->run(invocation->configuration, invocation->config, core::silent_context())
      .json;
}

std::string toy_error(const std::vector<std::string>& arguments) {
  try {
    toy_run(arguments);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "no error";
}

TEST(Parse, PositionalsFlagsAndSwitchesReachTheOptions) {
  const Json json = toy_run({"predict", "in.tif", "-o", "out.tif", "--batch", "8", "--overwrite"});
  EXPECT_EQ(json, (Json{{"input", "in.tif"},
                        {"output", "out.tif"},
                        {"batch", 8},
                        {"overwrite", true},
                        {"pictures", true}}));
}

TEST(Parse, ASwitchThatIsOnIsSwitchedOff) {
  EXPECT_EQ(toy_run({"predict", "x", "--no-pictures"})["pictures"], false);
}

TEST(Parse, APositionalMayFollowAFlagWithItsValue) {
  EXPECT_EQ(toy_run({"predict", "--batch", "8", "in.tif"})["input"], "in.tif");
}

TEST(Parse, AListFlagTakesOneArgumentAndAddsUp) {
  const Json one = list_run("dataset", {"verb", "--classes", "mito", "A/train"});
  EXPECT_EQ(one["classes"], Json::array({"mito"}));
  EXPECT_EQ(one["dataset"], "A/train");
  const Json more = list_run("dataset", {"verb", "--classes", "a,b", "A", "--classes", "c"});
  EXPECT_EQ(more["classes"], Json::array({"a", "b", "c"}));
  EXPECT_EQ(more["dataset"], "A");
}

TEST(Parse, APositionalListTakesAllThatFollow) {
  const Json json = list_run("images", {"verb", "A", "B", "C", "--classes", "a"});
  EXPECT_EQ(json["images"], Json::array({"A", "B", "C"}));
  EXPECT_EQ(json["classes"], Json::array({"a"}));
}

TEST(Parse, FlagsOverrideSetWhichOverridesTheConfigFile) {
  const testing::TempFolder folder;
  core::write_atomically(folder / "c.yaml", R"({"batch": 1, "input": "a", "output": "b"})");
  const std::string config = folder / "c.yaml";
  EXPECT_EQ(toy_run({"predict", "-c", config})["batch"], 1);
  EXPECT_EQ(toy_run({"predict", "-c", config, "--set", "batch=2"})["batch"], 2);
  EXPECT_EQ(toy_run({"predict", "-c", config, "--set", "batch=2", "--batch=3"})["batch"], 3);
  EXPECT_EQ(toy_run({"predict", "-c", config})["input"], "a");
}

TEST(Parse, UnknownVerbAndFlagSuggestTheNearest) {
  EXPECT_THAT(toy_error({"perdict"}), HasSubstr("did you mean 'predict'?"));
  EXPECT_THAT(toy_error({"predict", "x", "--bacth", "3"}), HasSubstr("did you mean '--batch'?"));
}

TEST(Parse, UnknownConfigKeySuggestsTheNearest) {
  EXPECT_THAT(toy_error({"predict", "x", "--set", "bach=3"}), HasSubstr("did you mean 'batch'?"));
}

TEST(Parse, ErrorsOfAConfigurationNameItsFile) {
  const testing::TempFolder folder;
  core::write_atomically(folder / "c.yaml", R"({"bach": 1, "inptu": "a"})");
  const std::string config = folder / "c.yaml";
  const std::string message = toy_error({"predict", "-c", config});
  EXPECT_THAT(message, ::testing::StartsWith(config + ": "));
  EXPECT_THAT(message, HasSubstr("'bach'"));
  EXPECT_THAT(message, HasSubstr("'inptu'"));
}

TEST(Parse, AConfigurationThatIsAbsentSaysWhatIsExpected) {
  try {
    toy_run({"predict", "-c", "/nonexistent/c.yaml"});
    FAIL() << "no error was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), HasSubstr("/nonexistent/c.yaml"));
    EXPECT_THAT(error.what(), HasSubstr("expected a YAML or JSON file"));
    EXPECT_THAT(error.what(), HasSubstr("check the path"));
  }
}

TEST(Parse, ReferenceNamesEveryFlagWithItsDefault) {
  const std::string text = markdown_reference(toy_commands());
  EXPECT_THAT(text, HasSubstr("| `--batch N` | 4 | windows at once |"));
  EXPECT_THAT(text, HasSubstr("| `--overwrite` |  | replace the output |"));
  EXPECT_THAT(text, HasSubstr("| `--pictures` | on | draw |"));
  EXPECT_THAT(text, HasSubstr("`--no-FLAG`"));
  EXPECT_THAT(text, HasSubstr("## `retina predict [input]`"));
}

}  // namespace
}  // namespace retina::cli
