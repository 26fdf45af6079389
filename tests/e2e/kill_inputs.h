#pragma once

#include <algorithm>
#include <filesystem>
#include <string>

#include "program.h"
#include <gtest/gtest.h>

#include "retina/testing/temp_folder.h"

namespace retina::e2e {

namespace fs = std::filesystem;

inline void write_volume(const std::string& path, const core::Vec3& shape,
                         const core::Vec3& chunk = {0, 0, 0}) {
  core::Rng rng(11);
  store::CreateOptions how;
  how.shape = shape;
  how.chunk = chunk;
  how.voxel_nm = core::Vec3d{8, 8, 8};
  const auto file = store::create(path, how);
  const std::int64_t depth = file->write_unit()[0];
  for (std::int64_t z = 0; z < shape[0]; z += depth) {
    const core::Box3 slab{{z, 0, 0}, {std::min(depth, shape[0] - z), shape[1], shape[2]}};
    core::Array values(core::DType::u8, 1, slab.shape);
    for (std::uint8_t& value : values.values<std::uint8_t>()) {
      value = static_cast<std::uint8_t>(rng.integer(0, 255));
    }
    file->write(slab, values);
  }
  file->finish();
}

/// A data set as it is downloaded: images and masks that are paired by their numbers.
inline void write_downloads(const fs::path& folder) {
  const core::Vec3 shape{1, 512, 512};
  for (const std::string part : {"Train", "Test"}) {
    fs::create_directories(folder / (part + "_In"));
    fs::create_directories(folder / (part + "_Out"));
    for (int i = 0; i < 10; ++i) {
      const std::string number = std::to_string(i);
      write_volume((folder / (part + "_In") / ("mask000" + number + ".png")).string(), shape);
      write_volume((folder / (part + "_Out") / (number + ".png")).string(), shape);
    }
  }
}

/// Labels of images/ that are known in two corners only.
inline void write_islands(const fs::path& folder) {
  fs::create_directories(folder);
  for (int i = 0; i < 3; ++i) {
    const core::Vec3 shape{1, 96, 96};
    core::Array labels(core::DType::u8, 1, shape);
    std::ranges::fill(labels.values<std::uint8_t>(), 255);
    for (std::int64_t y = 0; y < 32; ++y) {
      for (std::int64_t x = 0; x < 32; ++x) {
        labels.at<std::uint8_t>(0, 0, y, x) = x < 16 ? 1 : 0;
        labels.at<std::uint8_t>(0, 0, y + 50, x + 60) = y < 16 ? 1 : 0;
      }
    }
    const auto file =
        store::create((folder / ("slice" + std::to_string(i) + ".png")).string(), {.shape = shape});
    file->write(core::whole(shape), labels);
    file->finish();
  }
}

/// folder/g.json: four trainings of folder/c.json.
inline void write_small_comparison(const fs::path& folder) {
  Json training = core::read_json(folder / "c.json");
  training.erase("threads");
  training["data"] = {{"images", "./images"}, {"masks", "./masks"}};
  training["validation"]["data"] = training["data"];
  const Json grid{
      {"datasets", Json::array({{{"name", "blobs"}, {"config", training}}})},
      {"inits", Json::array({{{"name", "random"}}, {{"name", "model"}, {"model", "model"}}})},
      {"seeds", {7}},
      {"labels", {1, "all"}},
      {"checkpoints", {5}},
      {"finetune", {{"steps", 10}}}};
  core::write_atomically(folder / "g.json", std::string_view(grid.dump()));
}

/// folder/wide: a model of so many classes that every voxel takes much memory.
inline void write_wide_model(const fs::path& folder) {
  Json training = core::read_json(folder / "c.json");
  training["classes"] = {"a", "b", "c", "d", "e", "f", "g", "h"};
  core::write_atomically(folder / "w.json", std::string_view(training.dump()));
  const Outcome trained =
      run_retina(folder, small_training(folder, "run", "w.json") + " --steps 2");
  EXPECT_EQ(trained.exit_code, 0) << trained.standard_error;
  fs::rename(folder / "run/model", folder / "wide");
  fs::remove_all(folder / "run");
}

/// What commands read, in a folder; made once, and what few need when one names it.
class KillInputs {
 public:
  const fs::path& folder_for(const std::string& command) {
    if (!fs::exists(made_ / "model")) {
      make_common();
    }
    const auto lacks = [&](const char* name) {
      return command.find(name) != std::string::npos && !fs::exists(made_ / name);
    };
    if (lacks("large.zarr")) {
      write_volume((made_ / "large.zarr").string(), {320, 160, 160}, {16, 160, 160});
    }
    if (lacks("tall.zarr")) {
      write_volume((made_ / "tall.zarr").string(), {128, 104, 104});
    }
    if (lacks("pictures.pack")) {
      const Outcome packed =
          run_retina(made_.path(), "pack " + (made_ / "pictures").string() + " -o " +
                                       (made_ / "pictures.pack").string());
      EXPECT_EQ(packed.exit_code, 0) << packed.standard_error;
    }
    if (lacks("wide")) {
      write_wide_model(made_.path());
    }
    return made_.path();
  }

 private:
  void make_common() const {
    write_small_training(made_.path());
    const Outcome trained =
        run_retina(made_.path(), small_training(made_.path(), "run") + " --steps 2");
    EXPECT_EQ(trained.exit_code, 0) << trained.standard_error;
    write_blob_dataset(made_ / "blobs", 8, 40, 256);
    fs::rename(made_ / "blobs/images", made_ / "pictures");
    fs::rename(made_ / "run/model", made_ / "model");
    fs::remove_all(made_ / "run");
    write_volume((made_ / "volume.zarr").string(), {150, 80, 80});
    write_volume((made_ / "volume.tif").string(), {60, 96, 96});
    write_downloads(made_ / "downloads");
    write_small_pretraining(made_ / "p.json");
    write_islands(made_ / "islands");
    write_small_comparison(made_.path());
  }

  testing::TempFolder made_;
};

}  // namespace retina::e2e
