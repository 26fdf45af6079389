#include "retina/tensor/torch_file.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string_view>
#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/tensor/pickle.h"
#include "retina/tensor/zip.h"

namespace retina::tensor {
namespace {

constexpr std::size_t kMaxPickleBytes = std::size_t{16} << 20;
constexpr std::size_t kMaxTensorAxes = 64;
// What all tensors of a file may take: shared and expanded ones are more than it holds.
constexpr std::size_t kMostFileSizes = 4;
constexpr std::size_t kFreeBytes = std::size_t{16} << 20;

[[noreturn]] void fail_torch(const std::string& file, const std::string& found,
                             const std::string& remedy = {}) {
  throw Error(ErrorKind::bad_data, Problem{.subject = fmt::format("torch file '{}'", file),
                                           .found = found,
                                           .expected = "a state dict written by torch.save",
                                           .remedy = remedy});
}

/// Elements of the storage from the first to the last one of a tensor; -1 if that cannot be.
std::int64_t extent_of(const std::vector<std::int64_t>& sizes,
                       const std::vector<std::int64_t>& strides) {
  std::int64_t last = 0;
  bool empty = false;
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    std::int64_t reach = 0;
    if (sizes[axis] < 0 || strides[axis] < 0 ||
        __builtin_mul_overflow(sizes[axis] - 1, strides[axis], &reach) ||
        (sizes[axis] > 0 && __builtin_add_overflow(last, reach, &last))) {
      return -1;
    }
    empty = empty || sizes[axis] == 0;
  }
  if (last == std::numeric_limits<std::int64_t>::max()) {
    return -1;
  }
  return empty ? 0 : last + 1;
}

/// Elements of a tensor; -1 if no memory has an address for each. An axis of none does not make
/// room for others: torch refuses such a shape too.
std::int64_t elements_of(const std::vector<std::int64_t>& sizes) {
  std::int64_t product = 1;
  bool empty = false;
  for (const std::int64_t size : sizes) {
    if (__builtin_mul_overflow(product, std::max<std::int64_t>(size, 1), &product)) {
      return -1;
    }
    empty = empty || size == 0;
  }
  return empty ? 0 : product;
}

/// A copy of the elements from `first` on, all of which are there. They are moved as bytes, since
/// an archive may put them at any address.
at::Tensor copy_of_view(const std::byte* first, at::ScalarType type,
                        const std::vector<std::int64_t>& sizes,
                        const std::vector<std::int64_t>& strides) {
  at::Tensor copy = at::empty(sizes, type);
  if (copy.numel() == 0) {
    return copy;
  }
  const auto item = static_cast<std::int64_t>(c10::elementSize(type));
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> steps;
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    if (sizes[axis] > 1) {  // the stride of a single one means nothing
      shape.push_back(sizes[axis]);
      steps.push_back(strides[axis] * item);
    }
  }
  shape.push_back(item);
  steps.push_back(1);
  const at::Tensor view = at::from_blob(const_cast<std::byte*>(first), shape, steps, at::kByte);
  at::from_blob(copy.mutable_data_ptr(), shape, at::kByte).copy_(view);
  return copy;
}

/// Makes tensors of the members of an archive, within a limit for all of them together.
class Storages {
 public:
  Storages(std::span<const std::byte> archive, std::string file)
      : file_(std::move(file)), budget_(kMostFileSizes * archive.size() + kFreeBytes) {
    for (const ZipMember& member : read_zip(archive, file_)) {
      members_[member.name] = member.bytes;
    }
    for (const auto& [name, bytes] : members_) {
      if (name == "data.pkl" || name.ends_with("/data.pkl")) {
        prefix_ = name.substr(0, name.size() - std::string_view("data.pkl").size());
        pickle_ = bytes;
      }
    }
    if (pickle_.empty() || pickle_.size() > kMaxPickleBytes) {
      fail_torch(file_, pickle_.empty() ? "no data.pkl in it" : "a data.pkl of over 16 MiB");
    }
    const auto order = members_.find(prefix_ + "byteorder");
    if (order != members_.end() && !order->second.empty() && order->second[0] != std::byte{'l'}) {
      fail_torch(file_, "numbers with the high byte first", "save it on another machine");
    }
  }

  std::span<const std::byte> pickle() const { return pickle_; }

  at::Tensor tensor(const PickleStorage& storage, std::int64_t offset,
                    const std::vector<std::int64_t>& sizes,
                    const std::vector<std::int64_t>& strides) {
    const auto member = members_.find(prefix_ + "data/" + storage.key);
    if (member == members_.end()) {
      fail_torch(file_, "no data of storage " + storage.key, "the file is damaged: copy it again");
    }
    const std::size_t item = c10::elementSize(storage.type);
    const auto held = static_cast<std::int64_t>(member->second.size() / item);
    if (sizes.size() != strides.size() || sizes.size() > kMaxTensorAxes) {
      fail_torch(file_, "a tensor with an odd shape");
    }
    const std::int64_t extent = extent_of(sizes, strides);
    if (extent < 0 || offset < 0 || offset > held || extent > held - offset) {
      fail_torch(file_, "a tensor beyond its data (storage " + storage.key + ")");
    }
    charge(elements_of(sizes), item);
    return copy_of_view(member->second.data() + static_cast<std::size_t>(offset) * item,
                        storage.type, sizes, strides);
  }

 private:
  /// An expanded tensor may claim any size: a small file must not make the reader hold much.
  void charge(std::int64_t elements, std::size_t item) {
    if (elements < 0 || static_cast<std::size_t>(elements) > budget_ / item) {
      fail_torch(file_, "tensors that are together much larger than the file",
                 "save copies of what they are views of: tensor.clone()");
    }
    budget_ -= static_cast<std::size_t>(elements) * item;
  }

  std::string file_;
  std::size_t budget_;
  std::map<std::string, std::span<const std::byte>> members_;
  std::string prefix_;
  std::span<const std::byte> pickle_;
};

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

const char* storage_name(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "FloatStorage";
    case at::kDouble:
      return "DoubleStorage";
    case at::kHalf:
      return "HalfStorage";
    case at::kBFloat16:
      return "BFloat16Storage";
    case at::kLong:
      return "LongStorage";
    case at::kInt:
      return "IntStorage";
    case at::kShort:
      return "ShortStorage";
    case at::kChar:
      return "CharStorage";
    case at::kByte:
      return "ByteStorage";
    case at::kBool:
      return "BoolStorage";
    default:
      throw Error(ErrorKind::internal, "torch file: a tensor type without a storage");
  }
}

/// Writes the pickle that Python torch writes for an OrderedDict of tensors.
class Pickler {
 public:
  Pickler() {
    out_ = "\x80\x02";
    ordered_dict();
    out_ += '(';
  }

  void add(const std::string& name, const at::Tensor& tensor, std::size_t key) {
    text(name);
    out_ += "ctorch._utils\n_rebuild_tensor_v2\n((";
    text("storage");
    out_ += fmt::format("ctorch\n{}\n", storage_name(tensor.scalar_type()));
    text(std::to_string(key));
    text("cpu");
    number(tensor.numel());
    out_ += "tQ";
    number(0);
    tuple(tensor.sizes());
    tuple(tensor.strides());
    out_ += '\x89';  // requires no gradient
    ordered_dict();
    out_ += "tR";
  }

  std::string finish() { return std::move(out_) + "u."; }

 private:
  void ordered_dict() { out_ += "ccollections\nOrderedDict\n)R"; }

  void little_endian(std::uint64_t value, std::size_t bytes) {
    out_.append(reinterpret_cast<const char*>(&value), bytes);
  }

  void text(const std::string& value) {
    out_ += 'X';
    little_endian(value.size(), 4);
    out_ += value;
  }

  void number(std::int64_t value) {
    if (value <= std::numeric_limits<std::int32_t>::max()) {
      out_ += 'J';
      little_endian(static_cast<std::uint64_t>(value), 4);
    } else {
      out_ += "\x8a\x08";
      little_endian(static_cast<std::uint64_t>(value), 8);
    }
  }

  void tuple(at::IntArrayRef values) {
    out_ += '(';
    for (const std::int64_t value : values) {
      number(value);
    }
    out_ += 't';
  }

  std::string out_;
};

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
  Storages storages(bytes, name);
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

void write_torch_file(const std::filesystem::path& path, const NamedTensors& tensors) {
  Pickler pickler;
  std::vector<at::Tensor> values;
  for (const auto& [name, tensor] : tensors.tensors) {
    values.push_back(tensor.detach().cpu().contiguous());
    pickler.add(name, values.back(), values.size() - 1);
  }
  ZipBuilder archive;
  archive.add("archive/data.pkl", std::string_view(pickler.finish()));
  archive.add("archive/byteorder", std::string_view("little"));
  for (std::size_t i = 0; i < values.size(); ++i) {
    archive.add(
        "archive/data/" + std::to_string(i),
        std::span(static_cast<const std::byte*>(values[i].const_data_ptr()), values[i].nbytes()));
  }
  archive.add("archive/version", std::string_view("3\n"));
  const std::vector<std::byte> bytes = archive.finish();
  core::write_atomically(path, std::span<const std::byte>(bytes));
}

}  // namespace retina::tensor
