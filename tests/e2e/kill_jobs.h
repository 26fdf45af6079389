#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace retina::e2e {

/// A verb that writes. Commands run in a folder with what KillInputs makes; what they write lies in
/// out/.
struct Job {
  const char* name;
  std::string command;
  std::string again = {};                  ///< how to go on; empty = the command itself
  std::vector<std::string> finished = {};  ///< names in out/ that are complete whenever they exist
  std::string finished_prefix = {};        ///< of further such names
  std::string given = {};                  ///< an input that lies in out/ from the beginning
  std::string begun = {};  ///< a name in out/ that is there as soon as the work proper begins
  bool is_tight = false;   ///< gets hardly more memory than it needs, so that it works by blocks
  bool is_short = false;   ///< over before a signal surely finds it at work
  std::vector<std::string> timed = {};  ///< names in out/ of tables of times
};

inline void PrintTo(const Job& job, std::ostream* out) {
  *out << job.name;
}

inline std::vector<Job> training_jobs() {
  return {
      {.name = "compare",
       .command = "compare -c g.json --threads 1 -o out/c",
       .timed = {"c/results.csv", "c/results.md", "c/report.html"}},
      {.name = "finetune_regions",
       .command = "finetune -c c.json --images images --masks islands --set data.ignore_value=255 "
                  "--leave-one-region-out --steps 10 --init model --transfer all -o out/run",
       .again = "finetune --resume -o out/run",
       .finished_prefix = "run/checkpoints/step_"},
      {.name = "finetune",
       .command = "finetune -c c.json --images images --masks masks --validation-images images "
                  "--validation-masks masks --set keep=all --set average_decay=0.9 "
                  "--set validation.every=10 -o out/run",
       .again = "finetune --resume -o out/run",
       .finished = {"run/report.html"},  // the model is replaced by each better one
       .finished_prefix = "run/checkpoints/step_"},
      {.name = "pretrain",
       .command = "pretrain -c p.json --images images --set keep=all -o out/run",
       .again = "pretrain --resume -o out/run",
       .finished_prefix = "run/checkpoints/step_"},
  };
}

inline std::vector<Job> prediction_jobs() {
  return {
      {.name = "predict_images",
       .command = "predict --model model --probabilities --overlay pictures -o out/p",
       .finished = {"p", "p_probabilities", "p_overlay"}},
      {.name = "predict_pack_of_images",
       .command = "predict --model model --probabilities pictures.pack -o out/p.pack",
       .finished = {"p.pack", "p_probabilities.pack"}},
      {.name = "predict_one_image",
       .command = "predict --model model --probabilities pictures/slice0.png -o out/p.png",
       .finished = {"p.png", "p_probabilities.png"},
       .is_short = true},
      {.name = "predict_stack",
       .command = "predict --model model --axes-mode stack --probabilities --overlay volume.zarr "
                  "-o out/p.zarr",
       .finished = {"p.zarr", "p_probabilities.zarr", "p_overlay"}},
      {.name = "predict_objects",
       .command = "predict --model model --axes-mode stack --instances 26 --min-object-size 20 "
                  "volume.zarr -o out/p.zarr",
       .finished = {"p.zarr", "p_instances.zarr"}},
      {.name = "predict_orthoplane",
       .command = "predict --model model --axes-mode orthoplane --probabilities volume.zarr "
                  "-o out/p.zarr",
       .finished = {"p.zarr", "p_probabilities.zarr"}},
      {.name = "predict_tiff",
       .command = "predict --model model --axes-mode stack --probabilities volume.tif -o out/p.tif",
       .finished = {"p.tif", "p_probabilities.tif"},
       .is_short = true},
      {.name = "predict_slices",
       .command = "predict --model model --axes-mode stack --probabilities pictures -o out/p",
       .finished = {"p", "p_probabilities"},
       .is_short = true},
  };
}

/// Predictions that are cut into several blocks, in every form of output that goes on with them.
inline std::vector<Job> block_jobs() {
  const std::string stack = "predict --model wide --axes-mode stack --threads 1 tall.zarr ";
  return {
      {.name = "predict_precomputed",
       .command = stack + "--probabilities -o out/p.precomputed",
       .finished = {"p.precomputed", "p_probabilities.precomputed"},
       .begun = ".p.precomputed.partial",
       .is_tight = true},
      {.name = "predict_hdf5",
       .command = stack + "--probabilities -o out/p.h5",
       .finished = {"p.h5", "p_probabilities.h5"},
       .begun = ".p.h5.partial",
       .is_tight = true},
      {.name = "predict_nrrd",
       .command = stack + "--probabilities -o out/p.nrrd",
       .finished = {"p.nrrd", "p_probabilities.nrrd"},
       .begun = ".p.nrrd.partial",
       .is_tight = true},
      {.name = "predict_pack",
       .command = stack + "--probabilities -o out/p.pack",
       .finished = {"p.pack", "p_probabilities.pack"},
       .begun = ".p.pack.partial",
       .is_tight = true},
      {.name = "predict_rescaled",
       .command = stack + "--rescale --model-voxel-nm 8,7.8,7.8 -o out/p.zarr",
       .finished = {"p.zarr"},
       .begun = "..p_raw.zarr.partial",
       .is_tight = true},
  };
}

/// Conversions of many blocks, one after the other.
inline std::vector<Job> conversion_jobs() {
  const std::string large = "convert large.zarr --threads 1 ";
  return {
      {.name = "convert_zarr",
       .command = large + "--dtype f32 -o out/c.zarr --shard 16,96,96 --chunk 16,32,32",
       .finished = {"c.zarr"},
       .begun = ".c.zarr.partial"},
      {.name = "convert_hdf5",
       .command = large + "--dtype f32 -o out/c.h5",
       .finished = {"c.h5"},
       .begun = ".c.h5.partial"},
      {.name = "convert_folder",
       .command = large + "-o out/c",
       .finished = {"c"},
       .begun = ".c.partial"},
      {.name = "convert_nrrd",
       .command = large + "--dtype f32 -o out/c.nrrd",
       .finished = {"c.nrrd"},
       .begun = ".c.nrrd.partial"},
      {.name = "convert_precomputed",
       .command = large + "--dtype f32 -o out/c.precomputed --chunk 16,40,40",
       .finished = {"c.precomputed"},
       .begun = ".c.precomputed.partial"},
      {.name = "convert_tiff",
       .command = large + "--dtype f32 -o out/c.tif",
       .finished = {"c.tif"},
       .begun = ".c.tif.partial"},
      {.name = "convert_labels",
       .command = "convert volume.zarr -o out/volume.zarr/labels/p --labels --shard 8,80,80 "
                  "--chunk 8,40,40",
       .finished = {"volume.zarr/labels/p"},
       .given = "volume.zarr",
       .is_short = true},
      {.name = "convert_hdf5_dataset",
       .command = "convert volume.zarr -o out/c.h5:/volumes/labels --labels",
       .finished = {"c.h5"},
       .is_short = true},
  };
}

inline std::vector<Job> other_jobs() {
  return {
      {.name = "prepare",
       .command = "prepare kasthuri downloads -o out/p",
       .finished = {"p"},
       .begun = ".p.partial"},
      {.name = "pack",  // the largest first: a stop is seen between inputs
       .command = "pack large.zarr pictures volume.zarr volume.tif -o out/p",
       .finished = {"p"},
       .begun = ".p.partial"},
      {.name = "models_export",
       .command = "models export model -o out/m.pth",
       .finished = {"m.pth", "m.pth.json"},
       .is_short = true},
      {.name = "check",
       .command = "check --set data.images=images --set data.masks=masks -o out/page.html",
       .finished = {"page.html"},
       .is_short = true},
      {.name = "phantom",
       .command = "demo --phantom-only --shape 160,160,160 --threads 1 -o out/p.zarr",
       // an image and its labels: three outputs, which get their names one after the other
       .finished = {"p.zarr/zarr.json", "p.zarr/0", "p.zarr/1", "p.zarr/2",
                    "p.zarr/labels/semantic", "p.zarr/labels/instances"}},
  };
}

inline std::vector<Job> jobs() {
  std::vector<Job> all;
  for (std::vector<Job> some :
       {training_jobs(), prediction_jobs(), block_jobs(), conversion_jobs(), other_jobs()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

}  // namespace retina::e2e
