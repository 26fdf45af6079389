#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "retina/core/error.h"

namespace retina::core {

enum class DType { u8, u16, u32, u64, i8, i16, i32, i64, f32, f64 };

std::size_t size_of(DType dtype);
/// "uint8", "float32", ...
std::string_view name_of(DType dtype);
/// Inverse of name_of; throws bad_data for another name.
DType dtype_from_name(std::string_view name);
bool is_integer(DType dtype);

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<std::uint8_t>() {
  return DType::u8;
}
template <>
constexpr DType dtype_of<std::uint16_t>() {
  return DType::u16;
}
template <>
constexpr DType dtype_of<std::uint32_t>() {
  return DType::u32;
}
template <>
constexpr DType dtype_of<std::uint64_t>() {
  return DType::u64;
}
template <>
constexpr DType dtype_of<std::int8_t>() {
  return DType::i8;
}
template <>
constexpr DType dtype_of<std::int16_t>() {
  return DType::i16;
}
template <>
constexpr DType dtype_of<std::int32_t>() {
  return DType::i32;
}
template <>
constexpr DType dtype_of<std::int64_t>() {
  return DType::i64;
}
template <>
constexpr DType dtype_of<float>() {
  return DType::f32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::f64;
}

/// Calls `f(T{})` with the C++ type behind `dtype`.
template <class F>
decltype(auto) dispatch(DType dtype, F&& f) {
  switch (dtype) {
    case DType::u8:
      return std::forward<F>(f)(std::uint8_t{});
    case DType::u16:
      return std::forward<F>(f)(std::uint16_t{});
    case DType::u32:
      return std::forward<F>(f)(std::uint32_t{});
    case DType::u64:
      return std::forward<F>(f)(std::uint64_t{});
    case DType::i8:
      return std::forward<F>(f)(std::int8_t{});
    case DType::i16:
      return std::forward<F>(f)(std::int16_t{});
    case DType::i32:
      return std::forward<F>(f)(std::int32_t{});
    case DType::i64:
      return std::forward<F>(f)(std::int64_t{});
    case DType::f32:
      return std::forward<F>(f)(float{});
    case DType::f64:
      return std::forward<F>(f)(double{});
  }
  throw Error(ErrorKind::internal, "dispatch: not a dtype");
}

}  // namespace retina::core
