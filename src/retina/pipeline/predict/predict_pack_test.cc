#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/pipeline/predict/predict_test_data.h"
#include "retina/store/open.h"
#include "retina/store/pack/pack.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

class PredictPack : public Predict {
 protected:
  /// The images of image_folder().
  std::string image_pack() const {
    const std::string images = image_folder();
    std::vector<store::PackItem> items;
    for (const char* name : {"a.png", "b.png"}) {
      store::PackItem item;
      item.name = name;
      item.image = store::open(images + "/" + name);
      items.push_back(std::move(item));
    }
    const std::string path = (folder_ / "p").string();
    store::write_pack(path, items, {}, core::silent_context());
    fs::remove_all(images);
    return path;
  }
};

TEST_F(PredictPack, APackOfImagesBecomesPngFilesOrAPack) {
  const std::string pack = image_pack();
  const PredictReport files = run(options_for(image_folder(), "of_files"));
  const PredictReport report = run(options_for(pack, "out"));
  EXPECT_EQ(report.images, 2);
  PredictOptions options = options_for(pack, "out.pack");
  options.probabilities = true;
  options.overlay = true;
  const PredictReport packed = run(options);
  EXPECT_EQ(store::list_datasets(packed.output), (std::vector<std::string>{"a.png", "b.png"}));
  EXPECT_EQ(packed.probabilities, (folder_ / "out_probabilities.pack").string());
  EXPECT_EQ(packed.overlay, (folder_ / "out_overlay").string());
  EXPECT_TRUE(fs::exists(packed.overlay + "/b.png"));
  for (const std::string name : {"a", "b"}) {
    const core::Array labels = read_volume(files.output + "/" + name + ".png");
    EXPECT_EQ(read_volume(report.output + "/" + name + ".png"), labels);
    EXPECT_EQ(read_volume(packed.output + ":" + name + ".png"), labels);
    EXPECT_EQ(read_volume(packed.probabilities + ":" + name + ".png").shape(), labels.shape());
  }
  for (const auto& entry : fs::directory_iterator(packed.output)) {
    EXPECT_THAT(entry.path().filename().string(),
                ::testing::AnyOf("images.bin", "index.jsonl", "pack.json"));
  }
  EXPECT_EQ(error_of(options), ErrorKind::usage);
  options.overwrite = true;
  EXPECT_EQ(run(options).images, 2);
}

TEST_F(PredictPack, AnInterruptedPackOfImagesContinues) {
  const std::string pack = image_pack();
  const PredictOptions options = options_for(pack, "out.pack");
  EXPECT_THROW(predict(options, context_that_stops_soon()), Error);
  EXPECT_FALSE(fs::exists(options.output));
  EXPECT_TRUE(fs::exists(core::partial_path(options.output)));
  const core::Array expected = read_volume(run(options_for(pack, "whole")).output + "/b.png");
  EXPECT_EQ(read_volume(run(options).output + ":b.png"), expected);
}

TEST_F(PredictPack, ImagesThatChangeWhileTheyAreReadAreRefused) {
  const auto expect_refused = [&](const std::string& input, const std::string& file) {
    PredictOptions options = options_for(input, "out");
    const core::Context changing =
        retina::testing::stopping_context([&](const retina::testing::Reported& reported) {
          if (reported.is_update()) {
            fs::last_write_time(file, fs::last_write_time(file) + std::chrono::hours(1));
          }
          return false;
        });
    try {
      predict(options, changing);
      ADD_FAILURE() << "not noticed: " << file;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data);
      EXPECT_THAT(error.what(), ::testing::HasSubstr(input));
      EXPECT_THAT(error.what(), ::testing::HasSubstr("changed while it was read"));
      EXPECT_THAT(error.what(), ::testing::HasSubstr("--overwrite"));
    }
    EXPECT_FALSE(fs::exists(options.output));
    options.overwrite = true;
    EXPECT_EQ(run(options).images, 2);
    fs::remove_all(options.output);
  };
  const std::string pack = image_pack();
  expect_refused(pack, pack + "/pack.json");
  const std::string images = image_folder();
  expect_refused(images, images + "/a.png");
}

TEST_F(PredictPack, APackOfSeveralImagesIsNoVolume) {
  const std::string pack = image_pack();
  PredictOptions options = options_for(pack, "out.zarr");
  EXPECT_EQ(error_of(options), ErrorKind::usage);
  EXPECT_THAT(message_, ::testing::HasSubstr(pack + ":a.png"));
  options = options_for(pack, "out");
  options.axes_mode = engine::AxesMode::stack;
  EXPECT_EQ(error_of(options), ErrorKind::usage);
  EXPECT_THAT(message_, ::testing::HasSubstr("--axes-mode stack"));
}

}  // namespace
}  // namespace retina::pipeline
