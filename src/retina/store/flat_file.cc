#include "retina/store/flat_file.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "retina/store/axis_order.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace {

/// Distances between neighbours along c,z,y,x of dense values.
Index4 strides_in_file(const Index4& shape, const std::array<std::size_t, 4>& order) {
  Index4 stride{};
  std::int64_t next = 1;
  for (std::size_t i = 4; i-- > 0;) {
    stride[order[i]] = next;
    next *= shape[order[i]];
  }
  return stride;
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

core::Vec3 unit_of_reading(const ByteSource& source, const FlatLayout& layout) {
  const auto place = [&](std::size_t axis) {
    return std::find(layout.order.begin(), layout.order.end(), axis);
  };
  const bool has_rows = place(1) < place(2) && place(2) < place(3);
  return {1, has_rows && source.is_random_access() ? 1 : 0, 0};
}

core::Array from_file_order(core::Array values, const Index4& shape,
                            const std::array<std::size_t, 4>& order) {
  if (order == std::array<std::size_t, 4>{0, 1, 2, 3}) {
    return values;
  }
  core::Array out = make_array(values.dtype(), shape);
  gather(values.bytes(), strides_in_file(shape, order), out, {0, 0, 0, 0}, shape);
  return out;
}

void to_native_order(std::span<std::byte> values, std::size_t value_size, std::endian byte_order) {
  if (value_size == 1 || byte_order == std::endian::native) {
    return;
  }
  for (auto it = values.begin(); it != values.end();
       it += static_cast<std::ptrdiff_t>(value_size)) {
    std::reverse(it, it + static_cast<std::ptrdiff_t>(value_size));
  }
}

void to_native_order(core::Array& values, std::endian byte_order) {
  to_native_order(values.bytes(), core::size_of(values.dtype()), byte_order);
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

namespace {

constexpr std::int64_t kMostGapBytes = std::int64_t{1} << 20;
constexpr std::int64_t kMostRunBytes = std::int64_t{8}
                                       << 20;  // where a run is copied from a buffer
constexpr std::int64_t kMostWaste = 8;         // bytes read for one wanted, to save calls

/// What one read takes: the box's whole extent along the fastest axes of the file.
struct Run {
  std::array<bool, 4> covers{};  ///< the axes c,z,y,x
  Index4 count{1, 1, 1, 1};      ///< of the box inside the run
  std::int64_t span = 1;         ///< elements from the first to the last
  std::int64_t elements = 1;
};

/// True if the axes in the file are in the order c,z,y,x.
bool is_canonical(const FlatLayout& layout) {
  std::size_t last = 0;
  for (const std::size_t axis : layout.order) {
    if (layout.shape[axis] > 1 && axis < last) {
      return false;
    }
    last = layout.shape[axis] > 1 ? axis : last;
  }
  return true;
}

Run choose_run(const FlatLayout& layout, const Block4& block) {
  const Index4 stride = strides_in_file(layout.shape, layout.order);
  const auto size = static_cast<std::int64_t>(core::size_of(layout.dtype));
  const std::int64_t limit =
      is_canonical(layout) ? std::numeric_limits<std::int64_t>::max() : kMostRunBytes;
  Run run;
  for (std::size_t i = 4; i-- > 0;) {
    const std::size_t axis = layout.order[i];
    const std::int64_t count = block.shape[axis];
    const std::int64_t span = count == 1 ? run.span : (count - 1) * stride[axis] + run.span;
    const std::int64_t elements = run.elements * count;
    const bool is_dense = span == elements && (run.elements == 1 || span * size <= limit);
    const bool is_near = span * size <= kMostGapBytes && span <= kMostWaste * elements;
    if (count > 1 && !is_dense && !is_near) {
      break;
    }
    run.covers[axis] = true;
    run.count[axis] = count;
    run.span = span;
    run.elements = elements;
  }
  return run;
}

class FlatReader {
 public:
  FlatReader(const ByteSource& source, const FlatLayout& layout, const Block4& block)
      : source_(source),
        layout_(layout),
        block_(block),
        stride_(strides_in_file(layout.shape, layout.order)),
        run_(choose_run(layout, block)),
        values_(make_array(layout.dtype, block.shape)),
        size_(static_cast<std::int64_t>(core::size_of(layout.dtype))),
        is_direct_(run_.span == run_.elements && is_canonical(layout)) {
    if (!is_direct_) {
      buffer_.resize(static_cast<std::size_t>(run_.span * size_));
    }
  }

  core::Array read() {
    Index4 at{0, 0, 0, 0};
    do {
      read_run(at);
    } while (next(at));
    to_native_order(values_, layout_.byte_order);
    return std::move(values_);
  }

 private:
  /// The next index over the axes that a run does not cover; false after the last.
  bool next(Index4& at) const {
    for (std::size_t i = 4; i-- > 0;) {
      if (!run_.covers[i] && ++at[i] < block_.shape[i]) {
        return true;
      }
      at[i] = 0;
    }
    return false;
  }

  void read_run(const Index4& at) {
    std::int64_t from = 0;
    std::int64_t to = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      from += (block_.start[i] + at[i]) * stride_[i];
      to = to * block_.shape[i] + at[i];
    }
    const std::int64_t offset = layout_.offset + from * size_;
    if (is_direct_) {
      source_.read(offset, values_.bytes().subspan(static_cast<std::size_t>(to * size_),
                                                   static_cast<std::size_t>(run_.span * size_)));
      return;
    }
    source_.read(offset, buffer_);
    gather(buffer_, stride_, values_, at, run_.count);
  }

  const ByteSource& source_;
  const FlatLayout& layout_;
  const Block4& block_;
  Index4 stride_;
  Run run_;
  core::Array values_;
  std::int64_t size_;
  bool is_direct_;
  std::vector<std::byte> buffer_;
};

}  // namespace

core::Array read_flat(const ByteSource& source, const FlatLayout& layout, const Block4& block) {
  if (block.empty()) {
    return make_array(layout.dtype, block.shape);
  }
  return FlatReader(source, layout, block).read();
}

core::Array FlatFile::read(const Block4& block) const {
  return read_flat(file_, layout_, block);
}

}  // namespace retina::store
