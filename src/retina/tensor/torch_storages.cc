#include "retina/tensor/torch_storages.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/tensor/zip.h"

namespace retina::tensor {
namespace {

constexpr std::size_t kMaxPickleBytes = std::size_t{16} << 20;
constexpr std::size_t kMaxTensorAxes = 64;
// What all tensors of a file may take: shared and expanded ones are more than it holds.
constexpr std::size_t kMostFileSizes = 4;
constexpr std::size_t kFreeBytes = std::size_t{16} << 20;

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

}  // namespace

void fail_torch(const std::string& file, const std::string& found, const std::string& remedy) {
  throw Error(ErrorKind::bad_data, Problem{.subject = fmt::format("torch file '{}'", file),
                                           .found = found,
                                           .expected = "a state dict written by torch.save",
                                           .remedy = remedy});
}

TorchStorages::TorchStorages(std::span<const std::byte> archive, std::string file)
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

at::Tensor TorchStorages::tensor(const PickleStorage& storage, std::int64_t offset,
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
  return copy_of_view(member->second.data() + static_cast<std::size_t>(offset) * item, storage.type,
                      sizes, strides);
}

void TorchStorages::charge(std::int64_t elements, std::size_t item) {
  if (elements < 0 || static_cast<std::size_t>(elements) > budget_ / item) {
    fail_torch(file_, "tensors that are together much larger than the file",
               "save copies of what they are views of: tensor.clone()");
  }
  budget_ -= static_cast<std::size_t>(elements) * item;
}

}  // namespace retina::tensor
