#pragma once

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <sys/wait.h>

#include "retina/core/file.h"
#include "retina/core/json.h"
#include "retina/core/rng.h"
#include "retina/store/open.h"

namespace retina::e2e {

/// What a run of the `retina` program left behind.
struct Outcome {
  int exit_code = -1;
  std::string standard_output;
  std::string standard_error;

  /// The JSON object that ends standard output.
  Json json() const {
    const std::size_t end = standard_output.find_last_not_of('\n');
    const std::size_t start = standard_output.rfind('\n', end);
    return Json::parse(standard_output.substr(start == std::string::npos ? 0 : start + 1));
  }
};

inline std::string slurp(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// Runs `retina ARGUMENTS` (shell syntax) and waits for it; its streams are kept in `scratch`.
inline Outcome run_retina(const std::filesystem::path& scratch, const std::string& arguments) {
  const std::filesystem::path out = scratch / "stdout.txt";
  const std::filesystem::path err = scratch / "stderr.txt";
  const std::string command =
      std::string(RETINA_PROGRAM) + " " + arguments + " >" + out.string() + " 2>" + err.string();
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), slurp(out), slurp(err)};
}

/// An image of blobs on noise, and its mask: enough for a small network to learn something.
inline void write_blobs(const std::filesystem::path& images, const std::filesystem::path& masks,
                        const std::string& name, std::int64_t height, std::int64_t width,
                        std::uint64_t seed) {
  core::Array image(core::DType::u8, 1, {1, height, width});
  core::Array mask(core::DType::u8, 1, {1, height, width});
  core::Rng rng(seed);
  std::array<std::array<double, 3>, 8> blobs{};
  for (auto& blob : blobs) {
    blob = {rng.uniform(0, static_cast<double>(height)), rng.uniform(0, static_cast<double>(width)),
            rng.uniform(8, 20)};
  }
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      bool inside = false;
      for (const auto& [cy, cx, radius] : blobs) {
        const double dy = static_cast<double>(y) - cy;
        const double dx = static_cast<double>(x) - cx;
        inside = inside || dy * dy + dx * dx < radius * radius;
      }
      mask.at<std::uint8_t>(0, 0, y, x) = inside ? 1 : 0;
      const double grey = (inside ? 90 : 160) + 20 * rng.normal();
      image.at<std::uint8_t>(0, 0, y, x) =
          static_cast<std::uint8_t>(std::min(255.0, std::max(0.0, grey)));
    }
  }
  std::filesystem::create_directories(images);
  std::filesystem::create_directories(masks);
  for (const auto& [folder, pixels] : {std::pair{images, &image}, std::pair{masks, &mask}}) {
    const auto file =
        store::create((folder / (name + ".png")).string(), {.shape = {1, height, width}});
    file->write(core::whole({1, height, width}), *pixels);
    file->finish();
  }
}

/// `count` blob images under folder/images and folder/masks.
inline void write_blob_dataset(const std::filesystem::path& folder, int count, std::uint64_t seed,
                               std::int64_t side = 256) {
  for (int i = 0; i < count; ++i) {
    write_blobs(folder / "images", folder / "masks", "slice" + std::to_string(i), side, side,
                seed + static_cast<std::uint64_t>(i));
  }
}

/// A network and data that take a few milliseconds a step.
inline void write_small_training(const std::filesystem::path& folder) {
  write_blob_dataset(folder, 3, 1, 96);
  core::write_atomically(folder / "c.json", R"({
    "preset": "retina-tiny", "classes": ["blob"], "seed": 5, "threads": 1, "batch": 2, "steps": 40, "max_seconds": 0,
    "checkpoint_every": 5, "precision": "fp32",
    "network": {"window": 32, "pixel_stride": 1, "hidden": 24, "mlp": 48, "heads": 3, "layers": 1,
                "resnet_units": [1, 1, 1], "decoder_head_channels": 16, "decoder_channels": [16, 8, 8, 8]}})");
}

inline void write_small_pretraining(const std::filesystem::path& file) {
  core::write_atomically(file, R"({
    "preset": "retina-tiny", "seed": 5, "threads": 1, "batch": 4, "ghost_batch": 2, "steps": 40,
    "checkpoint_every": 5, "precision": "fp32", "pictures": 2, "pictures_every": 20,
    "optimizer": {"kind": "sgd", "learning_rate": 0.003, "weight_decay": 1e-4, "decay_vectors": true, "clip_norm": 0},
    "schedule": {"kind": "poly", "warmup_steps": 0}, "max_epochs": 5000,
    "network": {"window": 32, "pixel_stride": 1, "hidden": 24, "mlp": 48, "heads": 3, "layers": 1,
                "resnet_units": [1, 1, 1], "decoder_head_channels": 16, "decoder_channels": [16, 8, 8, 8]}})");
}

inline std::string small_training(const std::filesystem::path& folder, const std::string& run,
                                  const std::string& config = "c.json") {
  return "finetune -c " + (folder / config).string() + " --images " + (folder / "images").string() +
         " --masks " + (folder / "masks").string() + " -o " + (folder / run).string();
}

}  // namespace retina::e2e
