#include "retina/tensor/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/tensor/safetensors_header.h"

// Format: 8 bytes little-endian header length, a JSON object {name: {dtype, shape, data_offsets}},
// then the data without holes. https://huggingface.co/docs/safetensors
namespace retina::tensor {
namespace {

static_assert(std::endian::native == std::endian::little, "the data are stored little-endian");

struct DTypeName {
  std::string_view name;
  at::ScalarType type;
};
constexpr std::array<DTypeName, 10> kDTypes = {{{"F64", at::kDouble},
                                                {"F32", at::kFloat},
                                                {"F16", at::kHalf},
                                                {"BF16", at::kBFloat16},
                                                {"I64", at::kLong},
                                                {"I32", at::kInt},
                                                {"I16", at::kShort},
                                                {"I8", at::kChar},
                                                {"U8", at::kByte},
                                                {"BOOL", at::kBool}}};

at::ScalarType type_named(std::string_view name) {
  const auto known = std::find_if(kDTypes.begin(), kDTypes.end(),
                                  [&](const DTypeName& type) { return type.name == name; });
  return known->type;  // the header has been checked
}

std::string_view dtype_name(at::ScalarType type, const std::string& name) {
  for (const DTypeName& known : kDTypes) {
    if (known.type == type) {
      return known.name;
    }
  }
  throw Error(ErrorKind::internal,
              fmt::format("write_safetensors: tensor '{}' has dtype {}", name, at::toString(type)));
}

struct Layout {
  std::string header;              ///< padded with spaces to a multiple of 8
  std::vector<std::size_t> order;  ///< of the data: wide elements first, so that all are aligned
};

Layout lay_out(const NamedTensors& tensors) {
  Layout layout;
  const auto& list = tensors.tensors;
  for (std::size_t i = 0; i < list.size(); ++i) {
    layout.order.push_back(i);
  }
  std::stable_sort(layout.order.begin(), layout.order.end(), [&](std::size_t a, std::size_t b) {
    return list[a].second.element_size() > list[b].second.element_size();
  });
  std::vector<std::uint64_t> begins(list.size());
  std::uint64_t begin = 0;
  for (const std::size_t i : layout.order) {
    begins[i] = begin;
    begin += list[i].second.nbytes();
  }
  Json header = Json::object();
  if (!tensors.metadata.empty()) {
    header[kMetadataKey] = tensors.metadata;
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto& [name, tensor] = list[i];
    if (name == kMetadataKey || header.contains(name)) {
      throw Error(ErrorKind::internal,
                  fmt::format("write_safetensors: the name '{}' is taken", name));
    }
    header[name] = {{"dtype", dtype_name(tensor.scalar_type(), name)},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {begins[i], begins[i] + tensor.nbytes()}}};
  }
  layout.header = core::dump_json(header);
  layout.header.resize((layout.header.size() + 7) / 8 * 8, ' ');
  return layout;
}

}  // namespace

const at::Tensor* NamedTensors::find(const std::string& name) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  return found == tensors.end() ? nullptr : &found->second;
}

const at::Tensor& NamedTensors::at(const std::string& name) const {
  const at::Tensor* tensor = find(name);
  if (tensor == nullptr) {
    throw Error(ErrorKind::bad_data, Problem{.subject = fmt::format("tensor '{}'", name),
                                             .found = fmt::format("none among {}", tensors.size()),
                                             .expected = "a tensor of this name",
                                             .remedy = {}});
  }
  return *tensor;
}

NamedTensors parse_safetensors(std::span<const std::byte> bytes, const std::string& name) {
  SafetensorsHeader header = parse_safetensors_header(bytes, name);
  NamedTensors result;
  result.metadata = std::move(header.metadata);
  for (const StoredTensor& entry : header.tensors) {
    at::Tensor tensor =
        at::empty(entry.shape, at::TensorOptions().dtype(type_named(entry.type->name)));
    const std::span<const std::byte> stored =
        header.data.subspan(entry.begin, entry.end - entry.begin);
    if (!stored.empty()) {
      std::memcpy(tensor.mutable_data_ptr(), stored.data(), stored.size());
    }
    result.tensors.emplace_back(entry.name, std::move(tensor));
  }
  return result;
}

NamedTensors read_safetensors(const std::filesystem::path& path) {
  const core::MappedFile file(path);
  return parse_safetensors(file.bytes(), path.string());
}

std::map<std::string, std::string> read_safetensors_metadata(const std::filesystem::path& path) {
  const core::MappedFile file(path);
  return parse_safetensors_header(file.bytes(), path.string()).metadata;
}

void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors) {
  NamedTensors on_cpu;
  on_cpu.metadata = tensors.metadata;
  std::size_t data_bytes = 0;
  for (const auto& [name, tensor] : tensors.tensors) {
    on_cpu.tensors.emplace_back(name, tensor.detach().to(at::kCPU).contiguous());
    data_bytes += on_cpu.tensors.back().second.nbytes();
  }
  const Layout layout = lay_out(on_cpu);
  std::vector<std::byte> bytes(kLengthBytes + layout.header.size() + data_bytes);
  const std::uint64_t length = layout.header.size();
  std::memcpy(bytes.data(), &length, kLengthBytes);
  std::memcpy(bytes.data() + kLengthBytes, layout.header.data(), layout.header.size());
  std::size_t at = kLengthBytes + layout.header.size();
  for (const std::size_t i : layout.order) {
    const at::Tensor& tensor = on_cpu.tensors[i].second;
    if (tensor.nbytes() > 0) {
      std::memcpy(bytes.data() + at, tensor.const_data_ptr(), tensor.nbytes());
    }
    at += tensor.nbytes();
  }
  core::write_atomically(path, std::span<const std::byte>(bytes));
}

}  // namespace retina::tensor
