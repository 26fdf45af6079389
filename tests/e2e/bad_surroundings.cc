#include "bad_input.h"
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::e2e {

namespace {

/// A small model, trained once, copied to folder/model; and the run that made it, to folder/run.
void give_model(const std::filesystem::path& folder) {
  static const testing::TempFolder made;
  if (!std::filesystem::exists(made / "run/model")) {
    write_small_training(made.path());
    const Outcome trained =
        run_retina(made.path(), small_training(made.path(), "run") + " --steps 2");
    EXPECT_EQ(trained.exit_code, 0) << trained.standard_error;
  }
  for (const char* name : {"run", "images", "masks"}) {
    std::filesystem::copy(made / name, folder / name, std::filesystem::copy_options::recursive);
  }
  std::filesystem::copy(made / "run/model", folder / "model");
}

void give_model_and_volume(const std::filesystem::path& folder) {
  give_model(folder);
  write_noise(folder / "volume.zarr", {16, 128, 128});
}

}  // namespace

std::vector<BadInput> bad_models() {
  const std::string predict = "predict --model model images -o out";
  const std::vector<std::string> nothing{"out", "out_probabilities"};
  return {
      {"truncated_weights",
       [](const auto& folder) {
         give_model(folder);
         cut_in_half(folder / "model/weights.safetensors");
       },
       predict,
       3,
       {"weights.safetensors", "truncated"},
       "",
       nothing},
      {"corrupt_weights_header",
       [](const auto& folder) {
         give_model(folder);
         overwrite(folder / "model/weights.safetensors", 0, "????????");
       },
       predict,
       3,
       {"weights.safetensors", "header"},
       "",
       nothing},
      {"weights_missing",
       [](const auto& folder) {
         give_model(folder);
         std::filesystem::remove(folder / "model/weights.safetensors");
       },
       predict,
       3,
       {"weights.safetensors"},
       "",
       nothing},
      {"model_of_a_newer_version",
       [](const auto& folder) {
         give_model(folder);
         Json card = core::read_json(folder / "model/model.json");
         card["version"] = 2;
         card["warp_drive"] = true;
         core::write_atomically(folder / "model/model.json", card.dump());
       },
       predict,
       3,
       {"model.json", "version", "the release of retina that wrote it"},
       "",
       nothing},
      {"weights_of_another_network",
       [](const auto& folder) {
         give_model(folder);
         Json card = core::read_json(folder / "model/model.json");
         card["network_options"]["hidden"] = 36;
         core::write_atomically(folder / "model/model.json", card.dump());
       },
       predict,
       3,
       {"weights.safetensors", "shape"},
       "",
       nothing},
  };
}

std::vector<BadInput> bad_runs() {
  return {
      {"config_of_a_newer_version",
       [](const auto& folder) {
         give_model(folder);
         core::write_atomically(folder / "run/config.yaml", "version: 2\nwarp_drive: true\n");
       },
       "finetune --resume -o run",
       3,
       {"config.yaml", "version", "the release of retina"}},
      {"checkpoint_of_another_network",
       [](const auto& folder) {
         give_model(folder);
         std::string config = core::read_text(folder / "run/config.yaml");
         const std::size_t at = config.find("mlp: 48");
         config.replace(at, 7, "mlp: 96");
         core::write_atomically(folder / "run/config.yaml", config);
       },
       "finetune --resume --extend-to 4 -o run",
       3,
       {"weights", "48", "96"}},
      {"damaged_checkpoint",
       [](const auto& folder) {
         give_model(folder);
         cut_in_half(folder / "run/checkpoints/step_00000002/optimizer.safetensors");
       },
       "finetune --resume --extend-to 4 -o run",
       3,
       {"optimizer.safetensors", "truncated"}},
  };
}

std::vector<BadInput> full_disks() {
  const std::string full = "ulimit -f 4;";  // blocks of 512 bytes: 2 KiB
  return {
      {"full_standard_output",
       good_dataset,
       "info images/slice0.png --json >/dev/full",
       4,
       {"standard output", "the result is lost"}},
      {"full_predict_zarr",
       give_model_and_volume,
       "predict --probabilities --model model volume.zarr -o out.zarr",
       4,
       {"out", "free some space"},
       full,
       {"out.zarr", "out_probabilities.zarr"}},
      {"full_predict_tiff",
       give_model_and_volume,
       "predict --probabilities --model model volume.zarr -o out.tif",
       4,
       {"out", "File too large", "free some space"},
       full,
       {"out.tif", "out_probabilities.tif"}},
      {"full_predict_images",
       give_model_and_volume,
       "predict --probabilities --overlay --model model images -o out",
       4,
       {"out", "free some space"},
       full,
       {"out", "out_probabilities"}},
      {"full_pack",
       give_model_and_volume,
       "pack volume.zarr -o p",
       4,
       {"p", "free some space"},
       full,
       {"p"}},
      {"full_convert_hdf5",
       [](const auto& folder) {
         write_noise(folder / "a.zarr", {8, 256, 256});
       },
       "convert a.zarr -o out.h5",
       4,
       {"output 'out.h5'", "File too large", "free some space"},
       "ulimit -f 1100;",  // more than the chunks collected aside, less than what HDF5 may need
       {"out.h5"}},
      {"full_phantom",
       [](const auto&) {},
       "demo --phantom-only --shape 32,64,64 -o phantom.zarr",
       4,
       {"phantom", "free some space"},
       full,
       {"phantom.zarr"}},
      {"full_finetune",
       give_model_and_volume,
       "finetune --resume --extend-to 4 -o run",
       4,
       {"run", "space"},
       full,
       {"run/checkpoints/step_00000004"}},
  };
}

std::vector<BadInput> forbidden_places() {
  const std::string nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups";
  return {
      {"output_in_a_forbidden_folder",
       [](const auto& folder) {
         give_model_and_volume(folder);
         std::filesystem::create_directories(folder / "locked");
         std::filesystem::permissions(folder / "locked", std::filesystem::perms(0555));
       },
       "predict --model model volume.zarr -o locked/out.zarr",
       3,
       {"locked/out.zarr", "ermission", "another place"},
       nobody,
       {"locked/out.zarr"}},
      {"training_in_a_forbidden_folder",
       [](const auto& folder) {
         give_model_and_volume(folder);
         std::filesystem::create_directories(folder / "locked");
         std::filesystem::permissions(folder / "locked", std::filesystem::perms(0555));
       },
       "finetune -c run/config.yaml -o locked/run",
       3,
       {"locked/run", "ermission"},
       nobody,
       {"locked/run"}},
      {"unreadable_image",
       [](const auto& folder) {
         give_model_and_volume(folder);
         std::filesystem::permissions(folder / "images/slice0.png", std::filesystem::perms(0));
       },
       "predict --model model images -o out",
       3,
       {"slice0.png", "ermission"},
       nobody,
       {"out"}},
      {"unreadable_folder",
       [](const auto& folder) {
         give_model_and_volume(folder);
         std::filesystem::permissions(folder / "volume.zarr/0", std::filesystem::perms(0));
       },
       "predict --model model volume.zarr -o out.zarr",
       3,
       {"volume.zarr/0", "ermission"},
       nobody,
       {"out.zarr"}},
      {"output_is_the_input",
       give_model_and_volume,
       "predict --overwrite --model model images -o images",
       2,
       {"images", "choose another output"}},
  };
}

}  // namespace retina::e2e
