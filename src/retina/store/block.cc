#include "retina/store/block.h"

#include <algorithm>
#include <cstring>

namespace retina::store {

namespace {

constexpr std::size_t kRank = 4;

Index4 shape_of(const core::Array& array) {
  return {array.channels(), array.shape()[0], array.shape()[1], array.shape()[2]};
}

std::size_t offset(const core::Array& array, const Index4& at, const Index4& start) {
  const core::Vec3& n = array.shape();
  const std::int64_t element =
      (((at[0] - start[0]) * n[0] + at[1] - start[1]) * n[1] + at[2] - start[2]) * n[2] + at[3] -
      start[3];
  return static_cast<std::size_t>(element) * core::size_of(array.dtype());
}

}  // namespace

bool Block4::empty() const {
  return std::any_of(shape.begin(), shape.end(), [](std::int64_t side) { return side <= 0; });
}

Block4 intersect(const Block4& a, const Block4& b) {
  Block4 common;
  for (std::size_t i = 0; i < kRank; ++i) {
    common.start[i] = std::max(a.start[i], b.start[i]);
    common.shape[i] = std::max<std::int64_t>(
        0, std::min(a.start[i] + a.shape[i], b.start[i] + b.shape[i]) - common.start[i]);
  }
  return common;
}

Block4 with_channels(const core::Box3& box, std::int64_t channels) {
  return {.start = {0, box.start[0], box.start[1], box.start[2]},
          .shape = {channels, box.shape[0], box.shape[1], box.shape[2]}};
}

Block4 cell_block(const Index4& index, const Index4& cell) {
  Block4 block{.start = {}, .shape = cell};
  for (std::size_t i = 0; i < kRank; ++i) {
    block.start[i] = index[i] * cell[i];
  }
  return block;
}

void for_each_cell(const Block4& block, const Index4& cell,
                   const std::function<void(const Index4&)>& visit) {
  if (block.empty()) {
    return;
  }
  Index4 first{};
  Index4 last{};
  for (std::size_t i = 0; i < kRank; ++i) {
    first[i] = block.start[i] / cell[i];
    last[i] = (block.start[i] + block.shape[i] - 1) / cell[i];
  }
  Index4 i{};
  for (i[0] = first[0]; i[0] <= last[0]; ++i[0]) {
    for (i[1] = first[1]; i[1] <= last[1]; ++i[1]) {
      for (i[2] = first[2]; i[2] <= last[2]; ++i[2]) {
        for (i[3] = first[3]; i[3] <= last[3]; ++i[3]) {
          visit(i);
        }
      }
    }
  }
}

core::Array make_array(core::DType dtype, const Index4& shape) {
  return {dtype, static_cast<int>(shape[0]), {shape[1], shape[2], shape[3]}};
}

void copy_block(const core::Array& source, const Index4& source_start, core::Array& target,
                const Index4& target_start) {
  const Block4 common =
      intersect({source_start, shape_of(source)}, {target_start, shape_of(target)});
  if (common.empty()) {
    return;
  }
  const std::size_t row = static_cast<std::size_t>(common.shape[3]) * core::size_of(source.dtype());
  const Index4& first = common.start;
  Index4 at = first;
  for (at[0] = first[0]; at[0] < first[0] + common.shape[0]; ++at[0]) {
    for (at[1] = first[1]; at[1] < first[1] + common.shape[1]; ++at[1]) {
      for (at[2] = first[2]; at[2] < first[2] + common.shape[2]; ++at[2]) {
        std::memcpy(target.bytes().data() + offset(target, at, target_start),
                    source.bytes().data() + offset(source, at, source_start), row);
      }
    }
  }
}

}  // namespace retina::store
