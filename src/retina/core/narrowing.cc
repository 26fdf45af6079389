#include "retina/core/narrowing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

namespace retina::core {
namespace {

enum class Fate { kept, outside, rounded, not_a_number };

template <class To, class From>
Fate fate_of_integer(From value) {
  if constexpr (std::is_floating_point_v<To>) {
    // a long double holds every integer of 64 bits, so the comparison is exact
    const auto stored = static_cast<To>(value);
    return static_cast<long double>(stored) == static_cast<long double>(value) ? Fate::kept
                                                                               : Fate::rounded;
  } else {
    return std::in_range<To>(value) ? Fate::kept : Fate::outside;
  }
}

template <class To, class From>
Fate fate_of_real(From value) {
  if constexpr (std::is_floating_point_v<To>) {
    if (!std::isfinite(value)) {
      return Fate::kept;
    }
    const auto stored = static_cast<To>(value);
    if (!std::isfinite(stored)) {
      return Fate::outside;
    }
    return static_cast<From>(stored) == value ? Fate::kept : Fate::rounded;
  } else {
    if (std::isnan(value)) {
      return Fate::not_a_number;
    }
    const auto wide = static_cast<long double>(value);
    if (wide < static_cast<long double>(std::numeric_limits<To>::lowest()) ||
        wide > static_cast<long double>(std::numeric_limits<To>::max())) {
      return Fate::outside;
    }
    return std::trunc(wide) == wide ? Fate::kept : Fate::rounded;
  }
}

template <class From, class To>
void count_values(std::span<const From> values, Narrowing& out) {
  if (values.empty()) {
    return;
  }
  // narrow accumulators: the loop runs over every voxel of a volume
  auto low = std::numeric_limits<From>::max();
  auto high = std::numeric_limits<From>::lowest();
  for (const From value : values) {
    if constexpr (std::is_integral_v<From>) {
      low = std::min(low, value);
      high = std::max(high, value);
      const Fate fate = fate_of_integer<To>(value);
      out.outside += fate == Fate::outside ? 1 : 0;
      out.rounded += fate == Fate::rounded ? 1 : 0;
    } else {
      if (std::isfinite(value)) {
        low = std::min(low, value);
        high = std::max(high, value);
      }
      const Fate fate = fate_of_real<To>(value);
      out.outside += fate == Fate::outside ? 1 : 0;
      out.rounded += fate == Fate::rounded ? 1 : 0;
      out.not_numbers += fate == Fate::not_a_number ? 1 : 0;
    }
  }
  if (low <= high) {
    out.low = std::min(out.low, static_cast<long double>(low));
    out.high = std::max(out.high, static_cast<long double>(high));
  }
  out.values += static_cast<std::int64_t>(values.size());
}

template <class To>
Array map_onto(const Array& values, const IntensityRange& range) {
  Array result(dtype_of<To>(), values.channels(), values.shape());
  const auto out = result.values<To>();
  constexpr double kMost = std::numeric_limits<To>::max();
  const double scale = kMost / (range.high - range.low);
  dispatch(values.dtype(), [&](auto zero) {
    const auto in = values.values<decltype(zero)>();
    for (std::size_t i = 0; i < in.size(); ++i) {
      const double v = (static_cast<double>(in[i]) - range.low) * scale;
      out[i] = std::isnan(v) ? To{0} : static_cast<To>(std::lround(std::clamp(v, 0.0, kMost)));
    }
  });
  return result;
}

constexpr std::array<std::pair<std::string_view, DType>, 10> kShortNames{{{"u8", DType::u8},
                                                                          {"u16", DType::u16},
                                                                          {"u32", DType::u32},
                                                                          {"u64", DType::u64},
                                                                          {"i8", DType::i8},
                                                                          {"i16", DType::i16},
                                                                          {"i32", DType::i32},
                                                                          {"i64", DType::i64},
                                                                          {"f32", DType::f32},
                                                                          {"f64", DType::f64}}};

}  // namespace

std::optional<DType> parse_dtype(std::string_view text) {
  for (const auto& [name, dtype] : kShortNames) {
    if (text == name || text == name_of(dtype)) {
      return dtype;
    }
  }
  return std::nullopt;
}

Array map_range(const Array& values, const IntensityRange& range, DType dtype) {
  if (dtype == DType::u8) {
    return map_onto<std::uint8_t>(values, range);
  }
  if (dtype == DType::u16) {
    return map_onto<std::uint16_t>(values, range);
  }
  throw Error(ErrorKind::internal, "map_range: only to uint8 and uint16");
}

bool always_fits(DType from, DType to) {
  return dispatch(from, [&](auto f) {
    return dispatch(to, [&](auto t) {
      using From = decltype(f);
      using To = decltype(t);
      if constexpr (std::is_floating_point_v<From>) {
        return std::is_floating_point_v<To> && sizeof(To) >= sizeof(From);
      } else if constexpr (std::is_floating_point_v<To>) {
        return std::numeric_limits<From>::digits <= std::numeric_limits<To>::digits;
      } else {
        return std::in_range<To>(std::numeric_limits<From>::lowest()) &&
               std::in_range<To>(std::numeric_limits<From>::max());
      }
    });
  });
}

void Narrowing::add(const Array& array) {
  dispatch(array.dtype(), [&](auto from) {
    dispatch(to, [&](auto target) {
      count_values<decltype(from), decltype(target)>(array.values<decltype(from)>(), *this);
    });
  });
}

Narrowing& Narrowing::operator+=(const Narrowing& other) {
  values += other.values;
  outside += other.outside;
  rounded += other.rounded;
  not_numbers += other.not_numbers;
  low = std::min(low, other.low);
  high = std::max(high, other.high);
  return *this;
}

std::string to_string(const Narrowing& narrowing) {
  std::string text = narrowing.low <= narrowing.high
                         ? fmt::format("values {:.20g} to {:.20g}", narrowing.low, narrowing.high)
                         : "no finite values";
  const auto add = [&](std::int64_t count, const std::string& what) {
    if (count > 0) {
      text += fmt::format(", {} of {} {}", count, narrowing.values, what);
    }
  };
  add(narrowing.outside, fmt::format("outside {}", name_of(narrowing.to)));
  add(narrowing.rounded, fmt::format("that {} would round", name_of(narrowing.to)));
  add(narrowing.not_numbers, "not a number");
  return text;
}

}  // namespace retina::core
