#include "retina/store/axis_order.h"

#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "retina/core/error.h"

namespace retina::store {

namespace {

constexpr std::string_view kAxisLetters = "tczyx";
constexpr std::int64_t kMostElements = std::int64_t{1} << 59;  // of 8 bytes each: below 2^62 bytes

Error bad_axes(std::string found, std::string expected, std::string remedy) {
  return Error(ErrorKind::bad_data, Problem{.subject = "axes",
                                            .found = std::move(found),
                                            .expected = std::move(expected),
                                            .remedy = std::move(remedy)});
}

void require_sides(const std::string& axes, const std::vector<std::int64_t>& sides) {
  std::int64_t elements = 1;
  for (std::size_t i = 0; i < sides.size(); ++i) {
    if (sides[i] < 1 || sides[i] > kMostElements / elements) {
      throw bad_axes(fmt::format("a side of {} along '{}'", sides[i], axes[i]),
                     "sides of at least 1 voxel, and less than 2^59 voxels in all",
                     "the file is empty or damaged: get a fresh copy");
    }
    elements *= sides[i];
    if (axes[i] == 't' && sides[i] != 1) {
      throw bad_axes(
          fmt::format("{} time points", sides[i]), "one time point",
          "store one time point as a file of its own, or read time as channels (--axes "
          "with c for t, where the file does not state its axes) and name one: PATH:c=N");
    }
  }
}

template <std::size_t Size>
void copy_strided(const std::byte* from, std::int64_t stride, std::byte* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(to + i * static_cast<std::int64_t>(Size),
                from + i * stride * static_cast<std::int64_t>(Size), Size);
  }
}

void copy_row(const std::byte* from, std::int64_t stride, std::byte* to, std::int64_t count,
              std::size_t size) {
  if (stride == 1 || count == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * size);
  } else if (size == 1) {
    copy_strided<1>(from, stride, to, count);
  } else if (size == 2) {
    copy_strided<2>(from, stride, to, count);
  } else if (size == 4) {
    copy_strided<4>(from, stride, to, count);
  } else {
    copy_strided<8>(from, stride, to, count);
  }
}

}  // namespace

bool are_image_axes(const std::string& axes) {
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (kAxisLetters.find(axes[i]) == std::string_view::npos ||
        axes.find(axes[i], i + 1) != std::string::npos) {
      return false;
    }
  }
  return axes.find('y') != std::string::npos && axes.find('x') != std::string::npos;
}

AxisOrder dense_order(const std::string& axes, const std::vector<std::int64_t>& sides) {
  AxisOrder order;
  std::int64_t stride = 1;
  for (std::size_t i = sides.size(); i-- > 0;) {
    const std::size_t at = kAxisLetters.find(axes[i]);
    if (at > 0) {
      order.shape[at - 1] = sides[i];
      order.stride[at - 1] = stride;
    }
    stride *= sides[i];
  }
  std::size_t next = 0;
  for (const bool is_present : {false, true}) {  // absent ones first, where they do no harm
    for (const char axis : is_present ? std::string_view(axes) : kAxisLetters.substr(1)) {
      if (axis != 't' && (axes.find(axis) != std::string::npos) == is_present) {
        order.order[next++] = kAxisLetters.find(axis) - 1;
      }
    }
  }
  return order;
}

AxisOrder order_axes(const std::string& axes, const std::vector<std::int64_t>& sides) {
  if (!are_image_axes(axes) || axes.size() != sides.size()) {
    throw bad_axes(fmt::format("'{}' for {} dimensions", axes, sides.size()),
                   "one letter of t, c, z, y, x for each dimension, slowest first, with y and x",
                   "give them, such as --axes zyx or --axes czyx");
  }
  require_sides(axes, sides);
  return dense_order(axes, sides);
}

std::vector<std::int64_t> sides_in_order(const std::string& axes, const Index4& czyx) {
  std::vector<std::int64_t> sides;
  for (const char axis : axes) {
    const std::size_t at = kAxisLetters.find(axis);
    sides.push_back(at == 0 ? 1 : czyx[at - 1]);
  }
  return sides;
}

void gather(std::span<const std::byte> source, const Index4& stride, core::Array& target,
            const Index4& target_start, const Index4& count) {
  const auto size = static_cast<std::int64_t>(core::size_of(target.dtype()));
  const core::Vec3& shape = target.shape();
  for (std::int64_t c = 0; c < count[0]; ++c) {
    for (std::int64_t z = 0; z < count[1]; ++z) {
      for (std::int64_t y = 0; y < count[2]; ++y) {
        const std::int64_t from = c * stride[0] + z * stride[1] + y * stride[2];
        const std::int64_t row =
            ((target_start[0] + c) * shape[0] + target_start[1] + z) * shape[1] + target_start[2] +
            y;
        copy_row(source.data() + from * size, stride[3],
                 target.bytes().data() + (row * shape[2] + target_start[3]) * size, count[3],
                 static_cast<std::size_t>(size));
      }
    }
  }
}

}  // namespace retina::store
