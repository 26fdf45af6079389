#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "retina/core/array.h"
#include "retina/core/dtype.h"
#include "retina/core/intensity.h"

namespace retina::core {

/// "u8" or "uint8", "f32" or "float32", ...: how people name data types; nothing for another text.
std::optional<DType> parse_dtype(std::string_view text);

/// Linear map of a range to the whole range of `dtype`, uint8 or uint16: rounded, clamped, NaN ->
/// 0 (count_non_finite() tells how many).
Array map_range(const Array& values, const IntensityRange& range, DType dtype);

/// True if every value of `from` is a value of `to`, so that nothing can be lost.
bool always_fits(DType from, DType to);

/// What would become of values in another data type; counted by blocks in any order.
struct Narrowing {
  DType to = DType::u8;
  std::int64_t values = 0;
  std::int64_t outside = 0;      ///< beyond the range of `to`, infinities included
  std::int64_t rounded = 0;      ///< within the range, but not a value of `to`
  std::int64_t not_numbers = 0;  ///< NaN where `to` has none
  long double low = std::numeric_limits<long double>::infinity();  ///< of the finite values
  long double high = -std::numeric_limits<long double>::infinity();

  void add(const Array& array);
  Narrowing& operator+=(const Narrowing& other);

  /// Every value stays as it is.
  bool is_exact() const { return outside == 0 && rounded == 0 && not_numbers == 0; }
};

/// "0 to 70000; 12 values above or below what uint8 holds, 3 that it would round"
std::string to_string(const Narrowing& narrowing);

}  // namespace retina::core
