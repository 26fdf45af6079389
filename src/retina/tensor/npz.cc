#include "retina/tensor/npz.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/tensor/zip.h"

// .npy: "\x93NUMPY", version, header length (2 or 4 bytes), a Python dictionary as text with descr,
// fortran_order and shape, then the numbers.
namespace retina::tensor {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kMostNpyAxes = 64;

struct NumpyType {
  std::string_view name;
  at::ScalarType type;
};
constexpr std::array<NumpyType, 9> kNumpyTypes{{{"<f4", at::kFloat},
                                                {"<f8", at::kDouble},
                                                {"<f2", at::kHalf},
                                                {"<i8", at::kLong},
                                                {"<i4", at::kInt},
                                                {"<i2", at::kShort},
                                                {"|i1", at::kChar},
                                                {"|u1", at::kByte},
                                                {"|b1", at::kBool}}};

[[noreturn]] void fail_npy(const std::string& member, const std::string& found) {
  throw Error(ErrorKind::bad_data,
              Problem{.subject = member,
                      .found = found,
                      .expected = "an array of plain numbers as numpy.savez writes it",
                      .remedy = {}});
}

/// What follows 'KEY': in the header, up to the next comma outside parentheses.
std::string_view value_of(std::string_view header, std::string_view key,
                          const std::string& member) {
  const std::string quoted = fmt::format("'{}':", key);
  const std::size_t at = header.find(quoted);
  if (at == std::string_view::npos) {
    fail_npy(member, fmt::format("no {} in its header", key));
  }
  std::string_view rest = header.substr(at + quoted.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  const bool tuple = rest.starts_with('(');
  const std::size_t end = tuple ? rest.find(')') : rest.find_first_of(",}");
  if (end == std::string_view::npos) {
    fail_npy(member, "a header that does not end");
  }
  return tuple ? rest.substr(1, end - 1) : rest.substr(0, end);
}

std::vector<std::int64_t> shape_of_text(std::string_view text, const std::string& member) {
  std::vector<std::int64_t> shape;
  while (!text.empty()) {
    text.remove_prefix(std::min(text.find_first_not_of(", "), text.size()));
    if (text.empty()) {
      break;
    }
    std::int64_t size = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (code != std::errc() || size < 0 || shape.size() == kMostNpyAxes) {
      fail_npy(member, "a shape that is not made of numbers");
    }
    shape.push_back(size);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  return shape;
}

at::ScalarType type_of(std::string_view text, const std::string& member) {
  for (const NumpyType& known : kNumpyTypes) {
    if (text == fmt::format("'{}'", known.name)) {
      return known.type;
    }
  }
  fail_npy(member, fmt::format("numbers of type {}", text));
}

/// An array where it lies.
struct NpyArray {
  at::ScalarType type = at::kFloat;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> numbers;
};

NpyArray parse_npy(std::span<const std::byte> bytes, const std::string& member) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kMagic) || text.size() < 12) {
    fail_npy(member, "something that is no .npy");
  }
  const bool small = text[6] == 1;
  const std::size_t lead = small ? 10 : 12;
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 8, small ? 2 : 4);
  if (length > bytes.size() - lead) {
    fail_npy(member, "a header that does not end");
  }
  const std::string_view header = text.substr(lead, length);
  if (value_of(header, "fortran_order", member) != "False") {
    fail_npy(member, "numbers in Fortran order");
  }
  NpyArray array{.type = type_of(value_of(header, "descr", member), member),
                 .shape = shape_of_text(value_of(header, "shape", member), member),
                 .numbers = bytes.subspan(lead + length)};
  const std::size_t held = array.numbers.size();
  std::size_t size = c10::elementSize(array.type);
  std::int64_t stride = 1;  // which torch computes past sides of 0 too
  for (const std::int64_t side : array.shape) {
    if (__builtin_mul_overflow(size, static_cast<std::size_t>(side), &size) ||
        __builtin_mul_overflow(stride, std::max<std::int64_t>(side, 1), &stride)) {
      fail_npy(member, "a shape beyond any file");
    }
  }
  if (size != held) {
    fail_npy(member, fmt::format("{} bytes of numbers where the shape asks for {}", held, size));
  }
  return array;
}

at::Tensor tensor_of_array(const NpyArray& array) {
  at::Tensor out = at::empty(array.shape, array.type);
  if (!array.numbers.empty()) {
    std::memcpy(out.mutable_data_ptr(), array.numbers.data(), array.numbers.size());
  }
  return out;
}

/// Calls `visit` with the name and the array of each member.
template <class Visit>
void for_each_array(std::span<const std::byte> bytes, const std::string& name, Visit visit) {
  constexpr std::string_view kSuffix = ".npy";
  for (const ZipMember& member : read_zip(bytes, name)) {
    std::string key = member.name;
    if (key.ends_with(kSuffix)) {
      key.resize(key.size() - kSuffix.size());
    }
    visit(key, parse_npy(member.bytes, fmt::format("'{}' in {}", key, name)));
  }
}

}  // namespace

NamedTensors parse_npz(std::span<const std::byte> bytes, const std::string& name) {
  NamedTensors found;
  for_each_array(bytes, name, [&](const std::string& key, const NpyArray& array) {
    found.tensors.emplace_back(key, tensor_of_array(array));
  });
  return found;
}

NamedTensors read_npz(const std::filesystem::path& path) {
  const core::MappedFile file(path);
  return parse_npz(file.bytes(), path.string());
}

std::map<std::string, std::vector<std::int64_t>> read_npz_shapes(
    const std::filesystem::path& path) {
  const core::MappedFile file(path);
  std::map<std::string, std::vector<std::int64_t>> shapes;
  for_each_array(file.bytes(), path.string(),
                 [&](const std::string& key, const NpyArray& array) { shapes[key] = array.shape; });
  return shapes;
}

}  // namespace retina::tensor
