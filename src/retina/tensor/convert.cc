#include "retina/tensor/convert.h"

#include <cstring>
#include <string>

#include <fmt/format.h>

namespace retina::tensor {
namespace {

at::ScalarType scalar_type(core::DType dtype) {
  switch (dtype) {
    case core::DType::u8:
      return at::kByte;
    case core::DType::i8:
      return at::kChar;
    case core::DType::i16:
      return at::kShort;
    case core::DType::i32:
      return at::kInt;
    case core::DType::i64:
      return at::kLong;
    case core::DType::f32:
      return at::kFloat;
    case core::DType::f64:
      return at::kDouble;
    default:
      throw Error(ErrorKind::internal,
                  fmt::format("view_CZYX: {} has no tensor arithmetic, convert() the array first",
                              core::name_of(dtype)));
  }
}

/// The array dtype that holds every value of `type`.
core::DType array_dtype(at::ScalarType type) {
  switch (type) {
    case at::kByte:
    case at::kBool:
      return core::DType::u8;
    case at::kChar:
      return core::DType::i8;
    case at::kShort:
      return core::DType::i16;
    case at::kInt:
      return core::DType::i32;
    case at::kLong:
      return core::DType::i64;
    case at::kDouble:
      return core::DType::f64;
    case at::kFloat:
    case at::kHalf:
    case at::kBFloat16:
      return core::DType::f32;
    default:
      throw Error(ErrorKind::internal,
                  fmt::format("to_array: no array dtype for {}", at::toString(type)));
  }
}

}  // namespace

at::Tensor view_CZYX(core::Array& array) {
  const core::Vec3& shape = array.shape();
  return at::from_blob(array.bytes().data(), {array.channels(), shape[0], shape[1], shape[2]},
                       at::TensorOptions().dtype(scalar_type(array.dtype())));
}

core::Array to_array(const at::Tensor& tensor) {
  if (tensor.dim() < 2 || tensor.dim() > 4) {
    throw Error(ErrorKind::internal,
                fmt::format("to_array: a tensor of {} axes, expected [y,x], [z,y,x] or [c,z,y,x]",
                            tensor.dim()));
  }
  const core::DType dtype = array_dtype(tensor.scalar_type());
  const at::Tensor source = tensor.detach().to(at::kCPU, scalar_type(dtype)).contiguous();
  const auto side = [&](std::int64_t from_last) {
    return from_last < source.dim() ? source.size(source.dim() - 1 - from_last) : 1;
  };
  core::Array array(dtype, static_cast<int>(side(3)), {side(2), side(1), side(0)});
  if (!array.bytes().empty()) {
    std::memcpy(array.bytes().data(), source.const_data_ptr(), array.bytes().size());
  }
  return array;
}

}  // namespace retina::tensor
