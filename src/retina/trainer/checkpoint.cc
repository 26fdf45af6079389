#include "retina/trainer/checkpoint.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "retina/core/durable.h"
#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/record.h"
#include "retina/tensor/not_finite.h"

namespace retina::trainer {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "step_";

struct Section {
  const char* file;
  tensor::NamedTensors Checkpoint::*tensors;
  bool optional;
  bool finite;  ///< figures of a step may be undefined, what training goes on from may not
};

constexpr Section kSections[] = {{"weights.safetensors", &Checkpoint::weights, false, true},
                                 {"average.safetensors", &Checkpoint::average, true, true},
                                 {"optimizer.safetensors", &Checkpoint::optimizer, false, true},
                                 {"meters.safetensors", &Checkpoint::meters, false, false},
                                 {"task.safetensors", &Checkpoint::task, true, false}};

/// A training that went on from other values would end with weights that are no numbers.
void require_all_finite(const tensor::NamedTensors& tensors, const fs::path& file) {
  for (const auto& [name, values] : tensors.tensors) {
    const std::string found = tensor::not_finite_text(values);
    if (!found.empty()) {
      throw Error(ErrorKind::bad_data,
                  Problem{.subject = fmt::format("{}: {}", file.string(), name),
                          .found = found,
                          .expected = "finite numbers, as a checkpoint has them",
                          .remedy = {}});
    }
  }
}

}  // namespace

fs::path checkpoint_folder(const fs::path& checkpoints, std::int64_t step) {
  return checkpoints / fmt::format("{}{:08}", kPrefix, step);
}

void save_checkpoint(const fs::path& folder, const Checkpoint& checkpoint) {
  const fs::path partial = core::partial_path(folder);
  fs::remove_all(partial);
  fs::create_directories(partial);
  for (const Section& section : kSections) {
    const tensor::NamedTensors& tensors = checkpoint.*section.tensors;
    if (!section.optional || !tensors.tensors.empty()) {
      tensor::write_safetensors(partial / section.file, tensors);
    }
  }
  core::write_atomically(partial / "checkpoint.json",
                         std::string_view(checkpoint.progress.dump(1) + "\n"));
  core::rename_into_place(partial, folder);
}

Checkpoint load_checkpoint(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    throw Error(ErrorKind::bad_data, Problem{.subject = folder.string(),
                                             .found = "no such folder",
                                             .expected = "a checkpoint",
                                             .remedy = {}});
  }
  Checkpoint checkpoint;
  const fs::path progress = folder / "checkpoint.json";
  core::from_record(checkpoint.progress, core::read_json(progress), progress.string());
  for (const Section& section : kSections) {
    const fs::path file = folder / section.file;
    if (!section.optional || fs::exists(file)) {
      checkpoint.*section.tensors = tensor::read_safetensors(file);
    }
    if (section.finite) {
      require_all_finite(checkpoint.*section.tensors, file);
    }
  }
  return checkpoint;
}

std::vector<std::int64_t> checkpoint_steps(const fs::path& checkpoints) {
  std::vector<std::int64_t> steps;
  if (!fs::is_directory(checkpoints)) {
    return steps;
  }
  for (const auto& entry : fs::directory_iterator(checkpoints)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_directory() || !name.starts_with(kPrefix)) {
      continue;
    }
    std::int64_t step = 0;
    const auto [end, code] =
        std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), step);
    if (code == std::errc() && end == name.data() + name.size()) {
      steps.push_back(step);
    }
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

void discard_other_checkpoints(const fs::path& checkpoints, const std::vector<std::int64_t>& kept) {
  for (const std::int64_t step : checkpoint_steps(checkpoints)) {
    if (std::find(kept.begin(), kept.end(), step) == kept.end()) {
      core::discard(checkpoint_folder(checkpoints, step));
    }
  }
}

std::int64_t metadata_number(const tensor::NamedTensors& tensors, const std::string& key,
                             const std::string& source) {
  const auto found = tensors.metadata.find(key);
  const std::string text = found == tensors.metadata.end() ? "" : found->second;
  std::int64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_whole = code == std::errc() && end == text.data() + text.size();
  if (text.empty() || !is_whole || number < 0) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = source,
                        .found = text.empty() ? "no '" + key + "' in its metadata"
                                              : fmt::format("'{}' as its '{}'", text, key),
                        .expected = "a whole number from 0 on, as a checkpoint has it",
                        .remedy = "remove this checkpoint's folder to go on from the one before"});
  }
  return number;
}

}  // namespace retina::trainer
