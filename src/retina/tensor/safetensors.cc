#include "retina/tensor/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/json.h"

// Format: 8 bytes little-endian header length, a JSON object {name: {dtype, shape, data_offsets}},
// then the data without holes. https://huggingface.co/docs/safetensors
namespace retina::tensor {
namespace {

static_assert(std::endian::native == std::endian::little, "the data are stored little-endian");

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the reference reader
constexpr std::size_t kMaxAxes = 64;
constexpr const char* kMetadataKey = "__metadata__";

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

[[noreturn]] void fail(const std::string& file, const std::string& found,
                       const std::string& expected) {
  throw Error(ErrorKind::bad_data,
              Problem{.subject = fmt::format("safetensors file '{}'", file),
                      .found = found,
                      .expected = expected,
                      .remedy = "the file is damaged or not a safetensors file: write it again"});
}

/// One tensor as the header states it; offsets are relative to the first data byte.
struct Entry {
  std::string name;
  at::ScalarType type;
  std::vector<std::int64_t> shape;
  std::uint64_t begin;
  std::uint64_t end;
};

std::uint64_t header_length(std::span<const std::byte> bytes, const std::string& file) {
  if (bytes.size() < kLengthBytes) {
    fail(file, fmt::format("{} bytes", bytes.size()), "at least the 8 bytes of the header length");
  }
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > kMaxHeaderBytes) {
    fail(file, fmt::format("a header of {} bytes", length),
         fmt::format("at most {}", kMaxHeaderBytes));
  }
  if (length > bytes.size() - kLengthBytes) {
    fail(file,
         fmt::format("a header of {} bytes in a file of {} (truncated)", length, bytes.size()),
         "the whole header");
  }
  return length;
}

/// JSON lets a name occur twice and the parser keeps one of them; here that is an error.
Json parse_header(std::string_view text, const std::string& file) {
  if (!text.starts_with('{')) {
    fail(file, "a header that does not start with '{'", "a JSON object");
  }
  std::vector<std::set<std::string>> open_objects;
  const Json::parser_callback_t check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > 3) {
      fail(file, "a header nested deeper than three levels", "{name: {field: value}}");
    }
    if (event == Json::parse_event_t::object_start) {
      open_objects.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      open_objects.pop_back();
    } else if (event == Json::parse_event_t::key) {
      const std::string key = parsed.get<std::string>();
      if (!open_objects.back().insert(key).second) {
        fail(file, fmt::format("the name '{}' twice in the header", key), "each name once");
      }
    }
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (const Json::exception& error) {
    fail(file, fmt::format("a header that is not JSON ({})", error.what()), "a JSON object");
  }
}

std::uint64_t whole_number(const Json& json, const std::string& what, const std::string& file) {
  if (!json.is_number_unsigned()) {
    fail(file, fmt::format("{} is {}", what, json.dump()), "a whole number, 0 or more");
  }
  return json.get<std::uint64_t>();
}

const Json& field(const Json& info, const char* key, const std::string& name,
                  const std::string& file) {
  const auto found = info.find(key);
  if (found == info.end()) {
    fail(file, fmt::format("tensor '{}' has no '{}'", name, key), "dtype, shape and data_offsets");
  }
  return *found;
}

at::ScalarType dtype_from(const Json& json, const std::string& name, const std::string& file) {
  if (json.is_string()) {
    for (const DTypeName& known : kDTypes) {
      if (known.name == json.get_ref<const std::string&>()) {
        return known.type;
      }
    }
  }
  fail(file, fmt::format("tensor '{}' has dtype {}", name, json.dump()),
       "F64 F32 F16 BF16 I64 I32 I16 I8 U8 or BOOL");
}

/// Bytes of a tensor; nothing if they do not fit 63 bits.
std::optional<std::uint64_t> byte_count(const std::vector<std::int64_t>& shape,
                                        at::ScalarType type) {
  std::int64_t strides = static_cast<std::int64_t>(c10::elementSize(type));
  std::int64_t count = strides;
  for (const std::int64_t side : shape) {
    // a side of 0 makes the tensor empty, yet its strides must still be computable
    if (__builtin_mul_overflow(strides, std::max<std::int64_t>(side, 1), &strides)) {
      return std::nullopt;
    }
    count *= side;
  }
  return static_cast<std::uint64_t>(count);
}

std::vector<std::int64_t> shape_from(const Json& json, const std::string& name,
                                     const std::string& file) {
  if (!json.is_array() || json.size() > kMaxAxes) {
    fail(file, fmt::format("the shape of tensor '{}' is no list", name),
         fmt::format("a list of at most {} sides", kMaxAxes));
  }
  std::vector<std::int64_t> shape;
  for (const Json& side : json) {
    const std::uint64_t value = whole_number(side, fmt::format("a side of '{}'", name), file);
    if (value > static_cast<std::uint64_t>(INT64_MAX)) {
      fail(file, fmt::format("a side of '{}' is {}", name, value), "at most 2^63 - 1");
    }
    shape.push_back(static_cast<std::int64_t>(value));
  }
  return shape;
}

Entry entry_from(const std::string& name, const Json& info, const std::string& file) {
  if (!info.is_object() || info.size() != 3) {
    fail(file, fmt::format("tensor '{}' is described by {} fields", name, info.size()),
         "dtype, shape and data_offsets");
  }
  Entry entry{.name = name,
              .type = dtype_from(field(info, "dtype", name, file), name, file),
              .shape = shape_from(field(info, "shape", name, file), name, file),
              .begin = 0,
              .end = 0};
  const Json& offsets = field(info, "data_offsets", name, file);
  if (!offsets.is_array() || offsets.size() != 2) {
    fail(file, fmt::format("data_offsets of '{}' are not a pair", name), "[begin, end]");
  }
  entry.begin = whole_number(offsets[0], fmt::format("the begin of '{}'", name), file);
  entry.end = whole_number(offsets[1], fmt::format("the end of '{}'", name), file);
  const std::optional<std::uint64_t> count = byte_count(entry.shape, entry.type);
  if (!count || entry.end < entry.begin || entry.end - entry.begin != *count) {
    fail(file, fmt::format("tensor '{}' lies at [{}, {})", name, entry.begin, entry.end),
         count ? fmt::format("{} bytes, as its shape and dtype say", *count)
               : "a shape whose size fits 63 bits");
  }
  return entry;
}

/// The data of all tensors must cover the file's data exactly once.
void check_layout(const std::vector<Entry>& entries, std::uint64_t data_bytes,
                  const std::string& file) {
  std::vector<const Entry*> by_begin;
  for (const Entry& entry : entries) {
    by_begin.push_back(&entry);
  }
  std::sort(by_begin.begin(), by_begin.end(), [](const Entry* a, const Entry* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  std::uint64_t expected = 0;
  for (const Entry* entry : by_begin) {
    if (entry->begin != expected) {
      fail(file,
           fmt::format("tensor '{}' begins at {} ({})", entry->name, entry->begin,
                       entry->begin < expected ? "an overlap" : "a hole"),
           fmt::format("begin {}", expected));
    }
    expected = entry->end;
  }
  if (expected != data_bytes) {
    fail(file, fmt::format("{} bytes of data", data_bytes),
         fmt::format("{} as the header says ({})", expected,
                     expected > data_bytes ? "truncated" : "surplus bytes at the end"));
  }
}

/// Any other byte in a bool is undefined behaviour.
void check_truth_values(std::span<const std::byte> stored, const std::string& name,
                        const std::string& file) {
  for (const std::byte value : stored) {
    if (value > std::byte{1}) {
      fail(file, fmt::format("tensor '{}' has the truth value {}", name, static_cast<int>(value)),
           "0 or 1");
    }
  }
}

std::map<std::string, std::string> metadata_from(const Json& json, const std::string& file) {
  if (!json.is_object()) {
    fail(file, fmt::format("{} is not an object", kMetadataKey), "texts by name");
  }
  std::map<std::string, std::string> metadata;
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) {
      fail(file, fmt::format("the value of '{}' in {} is {}", key, kMetadataKey, value.dump()),
           "a text");
    }
    metadata[key] = value.get<std::string>();
  }
  return metadata;
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
  layout.header = header.dump();
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
  const std::uint64_t length = header_length(bytes, name);
  const Json header = parse_header({reinterpret_cast<const char*>(bytes.data()) + kLengthBytes,
                                    static_cast<std::size_t>(length)},
                                   name);
  const std::span<const std::byte> data = bytes.subspan(kLengthBytes + length);
  NamedTensors result;
  std::vector<Entry> entries;
  for (const auto& [key, value] : header.items()) {
    if (key == kMetadataKey) {
      result.metadata = metadata_from(value, name);
    } else {
      entries.push_back(entry_from(key, value, name));
    }
  }
  check_layout(entries, data.size(), name);
  for (const Entry& entry : entries) {
    at::Tensor tensor = at::empty(entry.shape, at::TensorOptions().dtype(entry.type));
    const std::span<const std::byte> stored = data.subspan(entry.begin, entry.end - entry.begin);
    if (entry.type == at::kBool) {
      check_truth_values(stored, entry.name, name);
    }
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
