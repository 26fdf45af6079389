#include "retina/pipeline/models/free_output.h"

#include <filesystem>
#include <string_view>

#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/pipeline/finetune/finetune_test_data.h"
#include "retina/pipeline/models/models_test_data.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

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

}  // namespace
}  // namespace retina::pipeline
