#include "retina/pipeline/pretrain/pretraining_data.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/model/model.h"
#include "retina/pipeline/convert/pack.h"
#include "retina/pipeline/pretrain/pretrain_test_data.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

/// The images of `folder` in 16 bits, each brighter than the one before, in a folder beside it.
fs::path in_16_bits(const fs::path& folder) {
  const fs::path wide = folder.string() + "_16";
  fs::create_directories(wide);
  int factor = 0;
  for (const fs::path& file : core::list_files(folder)) {
    ++factor;
    const auto image = store::open(file.string());
    const core::Array bytes = image->read(core::whole(image->shape()));
    core::Array values(core::DType::u16, 1, bytes.shape());
    const auto from = bytes.values<std::uint8_t>();
    std::transform(from.begin(), from.end(), values.values<std::uint16_t>().begin(),
                   [factor](int value) { return static_cast<std::uint16_t>(factor * value); });
    const auto output = store::create((wide / file.stem()).string() + ".tif",
                                      {.dtype = core::DType::u16, .shape = bytes.shape()});
    output->write(core::whole(bytes.shape()), values);
    output->finish();
  }
  return wide;
}

TEST(PretrainingData, AFolderAndItsPackGiveTheSameWeights) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["steps"] = 2;
  for (const fs::path& images : {folder / "raw", in_16_bits(folder / "raw")}) {
    const std::string packed = images.string() + ".pack";
    pack({.images = {images.string()}, .dataset = {}, .output = packed}, core::silent_context());
    for (const std::string& place : {images.string(), packed}) {
      given["images"] = Json::array({place});
      given["output"] = place + "_run";
      run_pretraining(given);
    }
    const fs::path of_folder = images.string() + "_run/model";
    const fs::path of_pack = packed + "_run/model";
    EXPECT_EQ(core::read_bytes(of_folder / "weights.safetensors"),
              core::read_bytes(of_pack / "weights.safetensors"))
        << images;
    EXPECT_EQ(model::load(of_folder).card.preprocess.range,
              model::load(of_pack).card.preprocess.range)
        << images;
  }
}

TEST(PretrainingData, VolumesAreCutAlongThreeAxes) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  core::Array pixels(core::DType::u8, 1, {70, 72, 140});
  for (std::size_t i = 0; i < pixels.bytes().size(); ++i) {
    pixels.values<std::uint8_t>()[i] = static_cast<std::uint8_t>(i * 31 % 251);
  }
  const auto volume = store::create((folder / "volume.zarr").string(), {.shape = pixels.shape()});
  volume->write(core::whole(pixels.shape()), pixels);
  volume->finish();
  given["images"] = {(folder / "volume.zarr").string()};
  given["axes"] = {"xy", "xz", "yz"};
  given["output"] = (folder / "run").string();
  given["steps"] = 0;
  given["epochs"] = 1;
  given["batch"] = 200;
  given["ghost_batch"] = 50;
  // 70 planes xy and 72 xz hold two patches of 64, 140 planes yz one: 424 patches, two batches
  EXPECT_EQ(run_pretraining(given).steps, 2);
}

TEST(PretrainingData, ImagesTakeThePlaceOfTheDataOfAConfiguration) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["data"] = {{{"images", "a folder that is not here"}}};
  given["dry_run"] = true;
  given["output"] = (folder / "run").string();
  const PretrainReport planned = run_pretraining(given);
  given.erase("data");
  EXPECT_EQ(planned.plan->images, run_pretraining(given).plan->images);
}

TEST(PretrainingData, TheCardHasARangeWhereAllImagesShareIt) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  const std::string wide = in_16_bits(folder / "raw").string();
  given["steps"] = 1;
  given["output"] = (folder / "one").string();
  given["images"] = {wide};
  run_pretraining(given);
  EXPECT_GT(model::load(folder / "one").card.preprocess.range.high, 255);
  given["output"] = (folder / "two").string();
  given["images"] = {(folder / "raw").string(), wide};
  run_pretraining(given);
  EXPECT_EQ(model::load(folder / "two").card.preprocess.range, core::IntensityRange{});
}

}  // namespace
}  // namespace retina::pipeline
