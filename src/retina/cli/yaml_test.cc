#include "retina/cli/yaml.h"

#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::cli {
namespace {

#if RETINA_WITH_IO
TEST(Yaml, ScalarsGetTheirCoreSchemaTypes) {
  const Json json = parse_yaml(
      "a: 1\nb: 0.5\nc: true\nd: text\ne:\nf: [1, x]\ng: \"1\"\nh: 1e-3\ni: 04.png\n", "t");
  EXPECT_EQ(json, (Json{{"a", 1},
                        {"b", 0.5},
                        {"c", true},
                        {"d", "text"},
                        {"e", nullptr},
                        {"f", {1, "x"}},
                        {"g", "1"},
                        {"h", 1e-3},
                        {"i", "04.png"}}));
}

TEST(Yaml, BrokenTextNamesFileAndLine) {
  try {
    parse_yaml("a: [1, 2\nb: 3", "x.yaml");
    FAIL() << "no error was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find("x.yaml"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("line"), std::string::npos);
  }
}
#endif

TEST(Yaml, IncludesAreOverlaidByTheFileThatNamesThem) {
  const testing::TempFolder folder;
  core::write_atomically(folder / "base.yaml", R"({"a": 1, "b": {"c": 2, "d": 3}})");
  core::write_atomically(folder / "top.yaml", R"({"include": "base.yaml", "b": {"c": 9}})");
  EXPECT_EQ(read_config(folder / "top.yaml"), (Json{{"a", 1}, {"b", {{"c", 9}, {"d", 3}}}}));
}

TEST(Yaml, EnvironmentVariablesAreReplaced) {
  const testing::TempFolder folder;
  ::setenv("RETINA_YAML_TEST", "/data", 1);
  core::write_atomically(folder / "a.yaml",
                         R"({"p": "${RETINA_YAML_TEST}/x", "q": ["${RETINA_ABSENT:-y}"]})");
  EXPECT_EQ(read_config(folder / "a.yaml"), (Json{{"p", "/data/x"}, {"q", {"y"}}}));
  core::write_atomically(folder / "b.yaml", R"({"p": "${RETINA_ABSENT}"})");
  EXPECT_THROW(read_config(folder / "b.yaml"), Error);
}

TEST(Yaml, IncludeCyclesAreRefused) {
  const testing::TempFolder folder;
  core::write_atomically(folder / "a.yaml", R"({"include": "b.yaml"})");
  core::write_atomically(folder / "b.yaml", R"({"include": "a.yaml"})");
  EXPECT_THROW(read_config(folder / "a.yaml"), Error);
}

}  // namespace
}  // namespace retina::cli
