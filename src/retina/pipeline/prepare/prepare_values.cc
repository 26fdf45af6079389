#include "retina/pipeline/prepare/prepare_values.h"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/core/error.h"
#include "retina/data/dataset.h"

namespace retina::pipeline {
namespace {

constexpr double kMostGrey = 255;
/// Whole numbers up to here are exact in floating point.
constexpr double kMostExactReal = 9007199254740992.0;  // 2^53

template <class T>
std::span<const T> first_channel(const core::Array& stored) {
  return stored.values<T>().first(static_cast<std::size_t>(stored.voxels()));
}

Error wrong_greys(const std::string& source, std::string found, std::string expected) {
  return {ErrorKind::bad_data, Problem{.subject = source,
                                       .found = std::move(found),
                                       .expected = std::move(expected),
                                       .remedy = "download the file again, or convert it with "
                                                 "retina convert --dtype u8 --input-range"}};
}

template <class T>
std::uint8_t truncated_grey(T value, const std::string& source) {
  if (!(static_cast<double>(value) >= 0 && static_cast<double>(value) < kMostGrey + 1)) {
    throw wrong_greys(source, fmt::format("grey value {}", value), "0 to 255");
  }
  return static_cast<std::uint8_t>(value);
}

/// (value - low) / (high - low) * 255 without its fraction, in this order of operations. NaN is 0,
/// infinity the end of the range.
std::uint8_t stretched_grey(double value, const ValueSpan& span) {
  if (!(span.high > span.low) || std::isnan(value)) {
    return 0;
  }
  const double grey = (value - span.low) / (span.high - span.low) * kMostGrey;
  return static_cast<std::uint8_t>(std::clamp(grey, 0.0, kMostGrey));
}

/// The stored value as a label; nothing for one that is no whole number.
template <class T>
std::optional<std::uint64_t> label_of(T value) {
  if constexpr (std::floating_point<T>) {
    const bool is_whole =
        value >= 0 && static_cast<double>(value) <= kMostExactReal && std::trunc(value) == value;
    return is_whole ? std::optional(static_cast<std::uint64_t>(value)) : std::nullopt;
  } else {
    return static_cast<std::uint64_t>(value);
  }
}

const LabelRange* range_of_label(const std::vector<LabelRange>& ranges, std::uint64_t label) {
  const auto found = std::find_if(ranges.begin(), ranges.end(), [&](const LabelRange& range) {
    return range.first <= label && label <= range.last;
  });
  return found == ranges.end() ? nullptr : &*found;
}

std::string text_of_ranges(const std::vector<LabelRange>& ranges) {
  std::vector<std::string> texts;
  for (const LabelRange& range : ranges) {
    texts.push_back(range.first == range.last ? fmt::format("{}", range.first)
                                              : fmt::format("{} to {}", range.first, range.last));
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

/// Class of the labels of a volume; labels come in long runs, so the last range is tried first.
class Classifier {
 public:
  Classifier(const std::vector<LabelRange>& ranges, UnknownVoxels unknown,
             const std::string& source)
      : ranges_(ranges), unknown_(unknown), source_(source) {}

  template <class T>
  std::uint8_t operator()(T value) {
    const std::optional<std::uint64_t> label = label_of(value);
    if (last_ == nullptr || !label || *label < last_->first || *label > last_->last) {
      last_ = label ? range_of_label(ranges_, *label) : nullptr;
    }
    if (last_ == nullptr) {
      throw Error(ErrorKind::bad_data, Problem{.subject = source_,
                                               .found = fmt::format("label value {}", value),
                                               .expected = text_of_ranges(ranges_),
                                               .remedy = "is it the file that the recipe means?"});
    }
    return last_->is_unknown && unknown_ == UnknownVoxels::ignore
               ? data::kIgnore
               : static_cast<std::uint8_t>(last_->class_id);
  }

 private:
  const std::vector<LabelRange>& ranges_;
  UnknownVoxels unknown_;
  const std::string& source_;
  const LabelRange* last_ = nullptr;
};

}  // namespace

void ValueSpan::add(const core::Array& stored) {
  core::dispatch(stored.dtype(), [&](auto zero) {
    for (const auto value : first_channel<decltype(zero)>(stored)) {
      const auto real = static_cast<double>(value);
      if (std::isfinite(real)) {
        low = std::min(low, real);
        high = std::max(high, real);
      }
    }
  });
}

core::Array grey_values(const core::Array& stored, GreyRule rule, const ValueSpan& span,
                        const std::string& source) {
  core::Array grey(core::DType::u8, 1, stored.shape());
  const std::span<std::uint8_t> out = grey.values<std::uint8_t>();
  if (stored.dtype() == core::DType::u8) {
    std::ranges::copy(first_channel<std::uint8_t>(stored), out.begin());
    return grey;
  }
  if (rule == GreyRule::as_stored) {
    throw wrong_greys(source, fmt::format("{} values", core::name_of(stored.dtype())), "uint8");
  }
  core::dispatch(stored.dtype(), [&](auto zero) {
    const auto in = first_channel<decltype(zero)>(stored);
    std::transform(in.begin(), in.end(), out.begin(), [&](auto value) {
      return rule == GreyRule::min_max ? stretched_grey(static_cast<double>(value), span)
                                       : truncated_grey(value, source);
    });
  });
  return grey;
}

core::Array class_values(const core::Array& stored, const std::vector<LabelRange>& ranges,
                         UnknownVoxels unknown, const std::string& source) {
  core::Array classes(core::DType::u8, 1, stored.shape());
  Classifier classify(ranges, unknown, source);
  core::dispatch(stored.dtype(), [&](auto zero) {
    const auto in = first_channel<decltype(zero)>(stored);
    const auto out = classes.values<std::uint8_t>();
    for (std::size_t i = 0; i < in.size(); ++i) {
      out[i] = classify(in[i]);
    }
  });
  return classes;
}

std::int64_t lay_over(const core::Array& over, core::Array& classes) {
  const auto upper = over.values<std::uint8_t>();
  const auto lower = classes.values<std::uint8_t>();
  std::int64_t replaced = 0;
  for (std::size_t i = 0; i < upper.size(); ++i) {
    if (upper[i] != 0) {
      replaced += lower[i] != 0 ? 1 : 0;
      lower[i] = upper[i];
    }
  }
  return replaced;
}

core::Array planes_of(const core::Array& block, int axis) {
  if (axis == 0) {
    return block;
  }
  const core::Vec3& n = block.shape();
  const core::Vec3 plane = data::plane_shape(n, axis);
  core::Array stack(core::DType::u8, 1, {n[static_cast<std::size_t>(axis)], plane[1], plane[2]});
  const auto in = block.values<std::uint8_t>();
  const auto out = stack.values<std::uint8_t>();
  std::size_t from = 0;
  for (std::int64_t z = 0; z < n[0]; ++z) {
    for (std::int64_t y = 0; y < n[1]; ++y) {
      for (std::int64_t x = 0; x < n[2]; ++x) {
        const std::int64_t to = axis == 1 ? (y * n[0] + z) * n[2] + x : (x * n[0] + z) * n[1] + y;
        out[static_cast<std::size_t>(to)] = in[from++];
      }
    }
  }
  return stack;
}

}  // namespace retina::pipeline
