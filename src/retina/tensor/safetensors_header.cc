#include "retina/tensor/safetensors_header.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/json_text.h"

namespace retina::tensor {
namespace {

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the reference reader
constexpr std::size_t kMostTensorAxes = 64;
constexpr std::array<StoredType, 10> kTypes = {{{"F64", 8},
                                                {"F32", 4},
                                                {"F16", 2},
                                                {"BF16", 2},
                                                {"I64", 8},
                                                {"I32", 4},
                                                {"I16", 2},
                                                {"I8", 1},
                                                {"U8", 1},
                                                {"BOOL", 1}}};

[[noreturn]] void fail(const std::string& file, const std::string& found,
                       const std::string& expected) {
  throw Error(ErrorKind::bad_data,
              Problem{.subject = fmt::format("safetensors file '{}'", file),
                      .found = found,
                      .expected = expected,
                      .remedy = "the file is damaged or not a safetensors file: write it again"});
}

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
  if (!text.starts_with("{")) {
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
    fail(file, fmt::format("{} is {}", what, core::dump_json(json)), "a whole number, 0 or more");
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

const StoredType* dtype_from(const Json& json, const std::string& name, const std::string& file) {
  if (json.is_string()) {
    for (const StoredType& known : kTypes) {
      if (known.name == json.get_ref<const std::string&>()) {
        return &known;
      }
    }
  }
  fail(file, fmt::format("tensor '{}' has dtype {}", name, core::dump_json(json)),
       "F64 F32 F16 BF16 I64 I32 I16 I8 U8 or BOOL");
}

/// Bytes of a tensor; nothing if they do not fit 63 bits.
std::optional<std::uint64_t> byte_count(const std::vector<std::int64_t>& shape,
                                        const StoredType& type) {
  std::int64_t strides = static_cast<std::int64_t>(type.bytes);
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
  if (!json.is_array() || json.size() > kMostTensorAxes) {
    fail(file, fmt::format("the shape of tensor '{}' is no list", name),
         fmt::format("a list of at most {} sides", kMostTensorAxes));
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

StoredTensor entry_from(const std::string& name, const Json& info, const std::string& file) {
  if (!info.is_object() || info.size() != 3) {
    fail(file, fmt::format("tensor '{}' is described by {} fields", name, info.size()),
         "dtype, shape and data_offsets");
  }
  StoredTensor entry{.name = name,
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
  const std::optional<std::uint64_t> count = byte_count(entry.shape, *entry.type);
  if (!count || entry.end < entry.begin || entry.end - entry.begin != *count) {
    fail(file, fmt::format("tensor '{}' lies at [{}, {})", name, entry.begin, entry.end),
         count ? fmt::format("{} bytes, as its shape and dtype say", *count)
               : "a shape whose size fits 63 bits");
  }
  return entry;
}

/// The data of all tensors must cover the file's data exactly once.
void check_layout(const std::vector<StoredTensor>& entries, std::uint64_t data_bytes,
                  const std::string& file) {
  std::vector<const StoredTensor*> by_begin;
  for (const StoredTensor& entry : entries) {
    by_begin.push_back(&entry);
  }
  std::sort(by_begin.begin(), by_begin.end(), [](const StoredTensor* a, const StoredTensor* b) {
    return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
  });
  std::uint64_t expected = 0;
  for (const StoredTensor* entry : by_begin) {
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
      fail(file,
           fmt::format("the value of '{}' in {} is {}", key, kMetadataKey, core::dump_json(value)),
           "a text");
    }
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::span<const std::byte> bytes,
                                           const std::string& file) {
  const std::uint64_t length = header_length(bytes, file);
  const Json json = parse_header({reinterpret_cast<const char*>(bytes.data()) + kLengthBytes,
                                  static_cast<std::size_t>(length)},
                                 file);
  SafetensorsHeader header;
  header.data = bytes.subspan(kLengthBytes + length);
  for (const auto& [key, value] : json.items()) {
    if (key == kMetadataKey) {
      header.metadata = metadata_from(value, file);
    } else {
      header.tensors.push_back(entry_from(key, value, file));
    }
  }
  check_layout(header.tensors, header.data.size(), file);
  for (const StoredTensor& tensor : header.tensors) {
    if (tensor.type->name == "BOOL") {
      check_truth_values(header.data.subspan(tensor.begin, tensor.end - tensor.begin), tensor.name,
                         file);
    }
  }
  return header;
}

}  // namespace retina::tensor
