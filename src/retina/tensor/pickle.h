#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <torch/types.h>

namespace retina::tensor {

struct PickleValue;
using PickleList = std::vector<PickleValue>;  ///< of a list or a tuple

/// A name from a Python module that a pickle refers to; only known ones are let through.
enum class PickleName { ordered_dict, rebuild_tensor, rebuild_parameter, storage };
struct PickleGlobal {
  PickleName name = PickleName::storage;
  at::ScalarType type = at::kFloat;  ///< of a storage
};

/// The memory of tensors: a member of the archive.
struct PickleStorage {
  std::string key;
  at::ScalarType type = at::kFloat;
};

struct PickleItem;
struct PickleDict {
  std::vector<PickleItem> items;
};

struct PickleTuple {
  PickleList items;
};

/// What the unpickler keeps on its stack.
struct PickleValue {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, PickleGlobal, PickleStorage,
               at::Tensor, PickleTuple, PickleList, PickleDict>
      value;
  int depth = 0;  ///< of containers within containers

  template <class T>
  const T* as() const {
    return std::get_if<T>(&value);
  }
  template <class T>
  T* as() {
    return std::get_if<T>(&value);
  }
};

struct PickleItem {
  PickleValue key, value;
};

/// What to do about a file that holds something else than a state dict.
inline constexpr const char* kSaveAlone =
    "save the state dict alone: torch.save(model.state_dict(), FILE)";

/// Throws the bad_data that refuses a pickle for what was found in it.
[[noreturn]] void fail_pickle(const std::string& file, const std::string& found,
                              const char* remedy = kSaveAlone);

/// Makes a tensor of a storage's bytes: element offset, sizes and strides in elements.
using RebuildTensor = std::function<at::Tensor(const PickleStorage& storage, std::int64_t offset,
                                               const std::vector<std::int64_t>& sizes,
                                               const std::vector<std::int64_t>& strides)>;

/// Interprets the pickle of a dictionary of tensors: a data format here, not a program. bad_data
/// naming `file` for every instruction or name beyond those, and for anything malformed.
PickleValue unpickle(std::span<const std::byte> stream, const RebuildTensor& rebuild,
                     const std::string& file);

}  // namespace retina::tensor
