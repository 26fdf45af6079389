#include "retina/core/dtype.h"

#include <array>
#include <string>
#include <utility>

namespace retina::core {
namespace {

constexpr std::array<std::pair<DType, std::string_view>, 10> kNames{{{DType::u8, "uint8"},
                                                                     {DType::u16, "uint16"},
                                                                     {DType::u32, "uint32"},
                                                                     {DType::u64, "uint64"},
                                                                     {DType::i8, "int8"},
                                                                     {DType::i16, "int16"},
                                                                     {DType::i32, "int32"},
                                                                     {DType::i64, "int64"},
                                                                     {DType::f32, "float32"},
                                                                     {DType::f64, "float64"}}};

}  // namespace

std::size_t size_of(DType dtype) {
  return dispatch(dtype, [](auto zero) { return sizeof(zero); });
}

std::string_view name_of(DType dtype) {
  for (const auto& [d, name] : kNames) {
    if (d == dtype) {
      return name;
    }
  }
  throw Error(ErrorKind::internal, "name_of: not a dtype");
}

DType dtype_from_name(std::string_view name) {
  for (const auto& [dtype, known] : kNames) {
    if (known == name) {
      return dtype;
    }
  }
  throw Error(ErrorKind::bad_data,
              Problem{.subject = "data type",
                      .found = "'" + std::string(name) + "'",
                      .expected = "uint8 to uint64, int8 to int64, float32 or float64"});
}

bool is_integer(DType dtype) {
  return dtype != DType::f32 && dtype != DType::f64;
}

}  // namespace retina::core
