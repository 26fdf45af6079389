#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "retina/core/json.h"
#include "retina/tensor/safetensors.h"

namespace retina::trainer {

/// Everything that a run needs to go on as if it had never stopped.
struct Checkpoint {
  Json progress =
      Json::object();  ///< step (= position in the data), seconds, best score, seed, ...
  tensor::NamedTensors weights;
  tensor::NamedTensors average;  ///< empty unless weights are averaged
  tensor::NamedTensors optimizer;
  tensor::NamedTensors meters;
  tensor::NamedTensors task;  ///< empty for tasks without own state
};

/// The folder of the checkpoint after `step` steps: "step_00000120" in `checkpoints`.
std::filesystem::path checkpoint_folder(const std::filesystem::path& checkpoints,
                                        std::int64_t step);

/// Writes the folder aside, then renames it.
void save_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint);
/// bad_data for a folder that is not a whole checkpoint, and for one whose weights or state of the
/// optimiser are not finite.
Checkpoint load_checkpoint(const std::filesystem::path& folder);

/// Steps of the checkpoints in a folder, ascending.
std::vector<std::int64_t> checkpoint_steps(const std::filesystem::path& checkpoints);

/// Removes the checkpoints in a folder but those after the steps `kept`.
void discard_other_checkpoints(const std::filesystem::path& checkpoints,
                               const std::vector<std::int64_t>& kept);

/// The whole number, 0 or more, under `key` of a file's metadata; bad_data naming `source`, the
/// file, if there is none.
std::int64_t metadata_number(const tensor::NamedTensors& tensors, const std::string& key,
                             const std::string& source);

}  // namespace retina::trainer
