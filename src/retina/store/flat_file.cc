#include "retina/store/flat_file.h"

#include <algorithm>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "retina/store/problem.h"

namespace retina::store {

namespace {

/// Sides of c,z,y,x in the order of the file.
Index4 permuted(const Index4& sides, const std::array<std::size_t, 4>& order) {
  Index4 out{};
  for (std::size_t i = 0; i < 4; ++i) {
    out[i] = sides[order[i]];
  }
  return out;
}

/// Distances between neighbours along each axis, for dense values of `shape`.
Index4 dense_strides(const Index4& shape) {
  return {shape[1] * shape[2] * shape[3], shape[2] * shape[3], shape[3], 1};
}

template <class T>
void transpose(const core::Array& source, const Index4& stride, core::Array& target) {
  const T* in = source.values<T>().data();
  T* out = target.values<T>().data();
  const core::Vec3& n = target.shape();
  for (std::int64_t c = 0; c < target.channels(); ++c) {
    for (std::int64_t z = 0; z < n[0]; ++z) {
      for (std::int64_t y = 0; y < n[1]; ++y) {
        const T* row = in + c * stride[0] + z * stride[1] + y * stride[2];
        for (std::int64_t x = 0; x < n[2]; ++x) {
          *out++ = row[x * stride[3]];
        }
      }
    }
  }
}

}  // namespace

std::int64_t bytes_of(const FlatLayout& layout) {
  auto bytes = static_cast<std::int64_t>(core::size_of(layout.dtype));
  for (const std::int64_t side : layout.shape) {
    if (__builtin_mul_overflow(bytes, side, &bytes) || bytes > std::int64_t{1} << 62) {
      return -1;
    }
  }
  return bytes;
}

core::Array from_file_order(core::Array values, const Index4& shape,
                            const std::array<std::size_t, 4>& order) {
  if (order == std::array<std::size_t, 4>{0, 1, 2, 3}) {
    return values;
  }
  const Index4 in_file = dense_strides(permuted(shape, order));
  Index4 stride{};
  for (std::size_t i = 0; i < 4; ++i) {
    stride[order[i]] = in_file[i];
  }
  core::Array out = make_array(values.dtype(), shape);
  core::dispatch(values.dtype(),
                 [&](auto zero) { transpose<decltype(zero)>(values, stride, out); });
  return out;
}

void to_native_order(core::Array& values, std::endian byte_order) {
  const std::size_t size = core::size_of(values.dtype());
  if (size == 1 || byte_order == std::endian::native) {
    return;
  }
  const std::span<std::byte> bytes = values.bytes();
  for (std::size_t i = 0; i < bytes.size(); i += size) {
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                 bytes.begin() + static_cast<std::ptrdiff_t>(i + size));
  }
}

FlatFile::FlatFile(std::filesystem::path path, const FlatLayout& layout)
    : file_(std::move(path)), layout_(layout) {
  const std::int64_t needed = bytes_of(layout);
  if (needed < 0 || layout.offset < 0 || layout.offset > file_.size() ||
      needed > file_.size() - layout.offset) {
    const Index4& n = layout.shape;
    throw bad_file(file_.path(), fmt::format("{} bytes", file_.size()),
                   fmt::format("{} channel(s) of {} x {} x {} {} values from byte {} on", n[0],
                               n[1], n[2], n[3], core::name_of(layout.dtype), layout.offset),
                   "the file is damaged or cut short: get a fresh copy");
  }
}

core::Array FlatFile::read(const Block4& block) const {
  const auto item = static_cast<std::int64_t>(core::size_of(layout_.dtype));
  const Index4 whole = permuted(layout_.shape, layout_.order);
  const Index4 start = permuted(block.start, layout_.order);
  const Index4 shape = permuted(block.shape, layout_.order);
  const Index4 stride = dense_strides(whole);
  // the values from `run` on lie side by side: one read for each
  std::size_t run = 3;
  while (run > 0 && shape[run] == whole[run]) {
    --run;
  }
  std::int64_t length = item;
  Index4 step{1, 1, 1, 1};
  for (std::size_t i = run; i < 4; ++i) {
    length *= shape[i];
    step[i] = shape[i];
  }
  core::Array values = make_array(layout_.dtype, shape);
  std::byte* out = values.bytes().data();
  for_each_cell({{0, 0, 0, 0}, shape}, step, [&](const Index4& at) {
    std::int64_t element = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      element += (start[i] + (i < run ? at[i] : 0)) * stride[i];
    }
    file_.read(layout_.offset + element * item, {out, static_cast<std::size_t>(length)});
    out += length;
  });
  to_native_order(values, layout_.byte_order);
  return from_file_order(std::move(values), block.shape, layout_.order);
}

}  // namespace retina::store
