#include <cmath>

#include "bad_input.h"
#include <sys/stat.h>

#include "retina/core/file.h"
#include "retina/store/pack/pack.h"

namespace retina::e2e {

std::vector<BadInput> damaged_images() {
  const core::Vec3 image{1, 64, 64};
  return {
      {"corrupt_png",
       [=](const auto& folder) {
         write_noise(folder / "a.png", image);
         overwrite(folder / "a.png", 2000, "????");
       },
       "info a.png",
       3,
       {"a.png", "damaged", "fresh copy"}},
      {"truncated_tiff",
       [=](const auto& folder) {
         write_noise(folder / "a.tif", {4, 64, 64});
         cut_in_half(folder / "a.tif");
       },
       "info a.tif",
       3,
       {"a.tif", "fresh copy"}},
      {"corrupt_tiff",
       [=](const auto& folder) {
         write_noise(folder / "a.tif", image);
         overwrite(folder / "a.tif", 1000, "????");
       },
       "info a.tif",
       3,
       {"a.tif", "page", "fresh copy"}},
      {"truncated_pack",
       [=](const auto& folder) {
         store::write_pack((folder / "p").string(),
                           std::vector<store::PackItem>{
                               {.name = "a",
                                .image = core::in_memory(core::Array(core::DType::u8, 1, image)),
                                .labels = nullptr,
                                .range = {}}},
                           {}, core::silent_context());
         cut_in_half(folder / "p/images.bin");
       },
       "info p",
       3,
       {"p", "images.bin"}},
      {"link_to_itself",
       [](const auto& folder) { std::filesystem::create_symlink("loop.png", folder / "loop.png"); },
       "info loop.png",
       3,
       {"loop.png", "link"}},
      {"links_to_themselves_among_images",
       [](const auto& folder) {
         good_dataset(folder);
         std::filesystem::create_symlink("..", folder / "images/up");
         std::filesystem::create_symlink("loop.png", folder / "images/loop.png");
       },
       "check --set data.images=images --set data.masks=masks",
       0,
       {}},
  };
}
std::vector<BadInput> damaged_zarrs() {
  const auto zarr = [](const auto& folder) { write_noise(folder / "a.zarr", {4, 64, 64}); };
  const std::string shard = "a.zarr/0/c/0/0/0";
  return {
      {"truncated_zarr_shard",
       [=](const auto& folder) {
         zarr(folder);
         cut_in_half(folder / shard);
       },
       "info a.zarr",
       3,
       {shard, "fresh copy"}},
      {"empty_zarr_shard",
       [=](const auto& folder) {
         zarr(folder);
         std::filesystem::resize_file(folder / shard, 0);
       },
       "info a.zarr",
       3,
       {shard, "fresh copy"}},
      {"corrupt_zarr_chunk",
       [=](const auto& folder) {
         zarr(folder);
         overwrite(folder / shard, 0, "????????");
       },
       "info a.zarr",
       3,
       {"a.zarr", "chunk"}},
      {"pipe_as_zarr_shard",
       [=](const auto& folder) {
         zarr(folder);
         std::filesystem::remove(folder / shard);
         ::mkfifo((folder / shard).c_str(), 0600);
       },
       "info a.zarr",
       3,
       {shard, "not a regular file"}},
      {"corrupt_zarr_shard_index",
       [=](const auto& folder) {
         zarr(folder);
         overwrite(folder / shard, -12, "?");
       },
       "info a.zarr",
       3,
       {shard, "index"}},
      {"corrupt_zarr_metadata",
       [=](const auto& folder) {
         zarr(folder);
         cut_in_half(folder / "a.zarr/0/zarr.json");
       },
       "info a.zarr",
       3,
       {"a.zarr/0/zarr.json", "JSON"}},
      {"zarr_without_its_array",
       [=](const auto& folder) {
         zarr(folder);
         std::filesystem::remove_all(folder / "a.zarr/0");
       },
       "info a.zarr",
       3,
       {"a.zarr", "'0'"}},
  };
}

std::vector<BadInput> damaged_hdf5s() {
  const auto damaged_after = [](const std::string& mark, std::size_t distance) {
    return [=](const std::filesystem::path& folder) {
      write_noise(folder / "a.h5", {4, 64, 64});
      const std::size_t at = core::read_text(folder / "a.h5").find(mark);
      overwrite(folder / "a.h5", static_cast<std::int64_t>(at + distance), "????????");
    };
  };
  return {
      {"truncated_hdf5",
       [](const auto& folder) {
         write_noise(folder / "a.h5", {4, 64, 64});
         cut_in_half(folder / "a.h5");
       },
       "info a.h5",
       3,
       {"a.h5", "truncated", "fresh copy"}},
      {"corrupt_hdf5_superblock",
       damaged_after("HDF", 7),
       "info a.h5",
       3,
       {"a.h5", "superblock", "fresh copy"}},
      // where texts of attributes lie: version 1.10.8 of the library dies of this
      {"corrupt_hdf5_heap",
       damaged_after("GCOL", 52),
       "info a.h5",
       3,
       {"a.h5", "damaged", "fresh copy"}},
      {"corrupt_hdf5_chunk",
       [](const auto& folder) {
         core::Array zeros_but_one(core::DType::u8, 1, {4, 64, 64});  // is compressed
         zeros_but_one.at<std::uint8_t>(0, 1, 2, 3) = 1;
         const auto file =
             store::create((folder / "a.h5").string(), {.shape = zeros_but_one.shape()});
         file->write(core::whole(zeros_but_one.shape()), zeros_but_one);
         file->finish();
         const std::string text = core::read_text(folder / "a.h5");
         const std::size_t chunk = text.find("\x78\x01");  // how zlib begins at level 1
         overwrite(folder / "a.h5", static_cast<std::int64_t>(chunk) + 2, "????????");
       },
       "info a.h5",
       3,
       {"a.h5", "chunk at [0, 0, 0]"}},
  };
}

std::vector<BadInput> bombs() {
  const auto zarr_with = [](const std::filesystem::path& folder, const Json& changes) {
    write_noise(folder / "a.zarr", {4, 64, 64});
    const std::filesystem::path file = folder / "a.zarr/0/zarr.json";
    Json metadata = core::read_json(file);
    for (const auto& [place, value] : changes.items()) {
      metadata[Json::json_pointer(place)] = value;
    }
    core::write_atomically(file, metadata.dump());
  };
  const std::string few_gb = "ulimit -v 8000000;";
  return {
      {"png_that_claims_much",
       [](const auto& folder) {
         write_noise(folder / "a.png", {1, 64, 64});
         // width and height of IHDR, with the checksum that belongs to them
         overwrite(folder / "a.png", 16,
                   {"\x00\x0f\x00\x00\x00\x0f\x00\x00\x08\x00\x00\x00\x00\xb5\x54\xae\x13", 17});
       },
       "info a.png",
       3,
       {"a.png"},
       few_gb},
      {"zarr_chunk_that_claims_much",
       [=](const auto& folder) {
         zarr_with(folder,
                   {{"/chunk_grid/configuration/chunk_shape", {1 << 20, 1 << 20, 1 << 20}}});
       },
       "info a.zarr",
       3,
       {"a.zarr/0/zarr.json", "chunk"},
       few_gb},
      {"zarr_shard_of_too_many_chunks",
       [=](const auto& folder) {
         zarr_with(folder, {{"/codecs/0/configuration/chunk_shape", {1, 1, 1}},
                            {"/chunk_grid/configuration/chunk_shape", {4, 4096, 4096}}});
       },
       "info a.zarr",
       3,
       {"a.zarr"},
       few_gb},
      {"zarr_of_a_size_beyond_counting",
       [=](const auto& folder) {
         const std::int64_t side = std::int64_t{1} << 40;
         zarr_with(folder, {{"/shape", {side, side, side}}});
       },
       "info a.zarr",
       3,
       {"a.zarr", "voxels"},
       few_gb},
      {"zarr_larger_than_the_disk",
       [=](const auto& folder) {
         zarr_with(folder, {{"/shape", {1 << 18, 1 << 18, 1 << 18}}});
       },
       "pack a.zarr -o p",
       4,
       {"p", "free"},
       few_gb,
       {"p"}},
      {"json_of_deep_nesting",
       [](const auto& folder) {
         std::filesystem::create_directories(folder / "a.zarr");
         core::write_atomically(folder / "a.zarr/zarr.json", std::string(4 << 20, '['));
       },
       "info a.zarr",
       3,
       {"a.zarr/zarr.json"}},
      {"yaml_of_deep_nesting",
       [](const auto& folder) {
         good_dataset(folder);
         core::write_atomically(folder / "c.yaml", "a: " + std::string(1 << 20, '['));
       },
       kTrain + " -c c.yaml",
       2,
       {"c.yaml"}},
  };
}

std::vector<BadInput> bad_values() {
  const auto some_nan = [](const std::filesystem::path& folder) {
    good_dataset(folder);
    std::filesystem::remove_all(folder / "images");
    for (const char* name : {"images/slice0.tif", "images/slice1.tif"}) {
      write_floats(folder / name, {1, 64, 64}, [](std::int64_t i) {
        return i % 97 == 0 ? std::nanf("") : static_cast<float>(i % 251);
      });
    }
  };
  return {
      {"only_nan",
       [](const auto& folder) {
         good_dataset(folder);
         std::filesystem::remove_all(folder / "images");
         for (const char* name : {"images/slice0.tif", "images/slice1.tif"}) {
           write_floats(folder / name, {1, 64, 64}, [](std::int64_t) { return std::nanf(""); });
         }
       },
       kTrain,
       3,
       {"slice0.tif", "no finite values"}},
      {"finetune_on_images_with_nan",
       some_nan,
       kTrain,
       0,
       {"slice0.tif", "of the values are not finite"}},
      {"pretrain_on_images_with_nan",
       [=](const auto& folder) {
         some_nan(folder);
         write_small_pretraining(folder / "p.json");
       },
       "pretrain -c p.json --images images --set batch=1 --set ghost_batch=1 --dry-run -o run",
       0,
       {"slice0.tif", "of the values are not finite"}},
      {"labels_of_floats",
       [](const auto& folder) {
         good_dataset(folder);
         std::filesystem::remove(folder / "masks/slice0.png");
         write_floats(folder / "masks/slice0.tif", {1, 64, 64},
                      [](std::int64_t i) { return i % 7 == 0 ? 0.5F : 1.0F; });
       },
       kTrain,
       3,
       {"slice0.tif", "float32", "whole numbers"}},
      {"evaluate_floats",
       [](const auto& folder) {
         good_dataset(folder);
         write_floats(folder / "p.tif", {1, 64, 64}, [](std::int64_t) { return 0.5F; });
       },
       "evaluate --prediction p.tif --truth masks/slice0.png",
       3,
       {"p.tif", "float32"}},
      {"true_colour",
       [](const auto& folder) {
         good_dataset(folder);
         core::Array colour(core::DType::u8, 3, {1, 64, 64});
         colour.at<std::uint8_t>(1, 0, 3, 3) = 9;
         store::CreateOptions how;
         how.channels = 3;
         how.shape = {1, 64, 64};
         how.overwrite = true;
         const auto file = store::create((folder / "images/slice0.png").string(), how);
         file->write(core::whole(how.shape), colour);
         file->finish();
       },
       kTrain,
       3,
       {"slice0.png", "3 channels", "one channel"}},
  };
}

namespace {

/// folder/held: an image that is not trained on, and a mask without foreground.
void empty_held_out(const std::filesystem::path& folder) {
  const core::Vec3 shape{1, 64, 64};
  for (const char* part : {"held/images", "held/masks"}) {
    std::filesystem::create_directories(folder / part);
  }
  write_noise(folder / "held/images/a.png", shape);
  const auto mask = store::create((folder / "held/masks/a.png").string(), {.shape = shape});
  mask->write(core::whole(shape), core::Array(core::DType::u8, 1, shape));
  mask->finish();
}

/// folder/image.zarr and labels.zarr, the latter with thicker voxels.
void labels_of_other_voxels(const std::filesystem::path& folder) {
  const core::Vec3 shape{2, 64, 64};
  for (const auto& [name, z_nm] : {std::pair{"image.zarr", 8.0}, std::pair{"labels.zarr", 16.0}}) {
    const auto volume = store::create((folder / name).string(),
                                      {.shape = shape, .voxel_nm = core::Vec3d{z_nm, 8, 8}});
    volume->write(core::whole(shape), core::Array(core::DType::u8, 1, shape));
    volume->finish();
  }
}

}  // namespace

std::vector<BadInput> bad_parts() {
  const std::string leak = " --validation-images images --validation-masks masks";
  const std::string held = " --validation-images held/images --validation-masks held/masks";
  const auto with_held_out = [](const auto& folder) {
    good_dataset(folder);
    empty_held_out(folder);
  };
  return {
      {"finetune_warns_of_leaks", good_dataset, kTrain + leak, 0, {"LEAK: 2", "slice0"}},
      {"check_refuses_leaks",
       good_dataset,
       "check --classes blob --images images --masks masks -o page.html" + leak,
       3,
       {}},
      {"held_out_without_foreground",
       with_held_out,
       kTrain + held,
       0,
       {"1 of 1 held-out planes have no foreground"}},
      {"training_without_foreground",
       with_held_out,
       "finetune --preset retina-tiny --classes blob --steps 1 --images held/images "
       "--masks held/masks -o run",
       3,
       {"held/masks: no foreground at all"}},
      {"finetune_on_labels_of_other_voxels",
       labels_of_other_voxels,
       "finetune --preset retina-tiny --classes blob --steps 1 --images image.zarr "
       "--masks labels.zarr -o run",
       3,
       {"labels.zarr", "voxels of 16"}},
      {"finetune_beside_files_that_are_no_images",
       [](const auto& folder) {
         good_dataset(folder);
         core::write_atomically(folder / "images/notes.txt", "no image");
         core::write_atomically(folder / "masks/Thumbs.db", "no image");
       },
       kTrain,
       0,
       {}},
  };
}

}  // namespace retina::e2e
