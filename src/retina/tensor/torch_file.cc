#include "retina/tensor/torch_file.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/core/file.h"
#include "retina/tensor/pickle.h"
#include "retina/tensor/torch_storages.h"
#include "retina/tensor/zip.h"

namespace retina::tensor {
namespace {

NamedTensors tensors_in(const PickleDict& dict) {
  NamedTensors found;
  for (const auto& [key, value] : dict.items) {
    const auto* name = key.as<std::string>();
    const auto* tensor = value.as<at::Tensor>();
    if (name != nullptr && tensor != nullptr) {
      found.tensors.emplace_back(*name, *tensor);
    }
  }
  return found;
}

std::size_t count_tensors(const PickleDict& dict) {
  const auto count =
      std::count_if(dict.items.begin(), dict.items.end(), [](const PickleItem& item) {
        return item.key.as<std::string>() != nullptr && item.value.as<at::Tensor>() != nullptr;
      });
  return static_cast<std::size_t>(count);
}

/// The state dict under one of the names that most training scripts give it.
const PickleDict* known_state(const PickleDict& dict) {
  for (const char* wanted : {"state_dict", "model_state_dict", "model"}) {
    for (const auto& [key, value] : dict.items) {
      const auto* name = key.as<std::string>();
      const auto* nested = value.as<PickleDict>();
      if (name != nullptr && *name == wanted && nested != nullptr && count_tensors(*nested) > 0) {
        return nested;
      }
    }
  }
  return nullptr;
}

/// Dictionaries under other names that are mostly tensors, of which they hold more than lie beside
/// them.
std::vector<const PickleDict*> larger_states(const PickleDict& dict) {
  const std::size_t beside = count_tensors(dict);
  std::vector<const PickleDict*> found;
  for (const PickleItem& item : dict.items) {
    const auto* nested = item.value.as<PickleDict>();
    const std::size_t inside = nested != nullptr ? count_tensors(*nested) : 0;
    if (inside > beside && 2 * inside > nested->items.size()) {
      found.push_back(nested);
    }
  }
  return found;
}

/// The keys of a dictionary for messages.
std::string keys_of(const PickleDict& dict) {
  constexpr std::size_t kMostKeys = 12;
  constexpr std::size_t kMostLetters = 60;
  std::vector<std::string> keys;
  for (const PickleItem& item : dict.items) {
    if (keys.size() == kMostKeys) {
      keys.emplace_back("...");
      break;
    }
    const auto* name = item.key.as<std::string>();
    keys.push_back(name != nullptr ? fmt::format("'{}'", name->substr(0, kMostLetters))
                                   : "one that is no text");
  }
  return keys.empty() ? "none" : fmt::format("{}", fmt::join(keys, ", "));
}

/// The dictionary of tensors in that of a file, or that one itself.
const PickleDict& state_in(const PickleDict& dict, const std::string& file) {
  if (const PickleDict* known = known_state(dict)) {
    return *known;
  }
  const std::vector<const PickleDict*> larger = larger_states(dict);
  if (larger.size() == 1) {
    return *larger.front();
  }
  if (!larger.empty() || count_tensors(dict) == 0) {
    fail_torch(file,
               fmt::format("{} (its keys: {})",
                           larger.empty() ? "a dictionary without tensors"
                                          : "a dictionary of several dictionaries of tensors",
                           keys_of(dict)),
               kSaveAlone);
  }
  return dict;
}

}  // namespace

NamedTensors parse_torch_file(std::span<const std::byte> bytes, const std::string& name) {
  if (!looks_like_zip(bytes)) {
    const bool pickle = bytes.size() > 2 && bytes[0] == std::byte{0x80};
    fail_torch(name, pickle ? "the form of torch before 1.6" : "no zip archive",
               pickle ? fmt::format("convert it: python -c \"import torch; torch.save(torch.load("
                                    "'{}', map_location='cpu', weights_only=True), 'new.pth')\"",
                                    name)
                      : "");
  }
  TorchStorages storages(bytes, name);
  const PickleValue root = unpickle(
      storages.pickle(),
      [&storages](const PickleStorage& storage, std::int64_t offset,
                  const std::vector<std::int64_t>& sizes,
                  const std::vector<std::int64_t>& strides) {
        return storages.tensor(storage, offset, sizes, strides);
      },
      name);
  const auto* dict = root.as<PickleDict>();
  if (dict == nullptr) {
    fail_torch(name, "something else than a dictionary");
  }
  return tensors_in(state_in(*dict, name));
}

NamedTensors read_torch_file(const std::filesystem::path& path) {
  const core::MappedFile file(path);
  return parse_torch_file(file.bytes(), path.string());
}

}  // namespace retina::tensor
