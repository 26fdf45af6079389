#include "retina/tensor/zip.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "retina/core/crc32.h"
#include "retina/core/error.h"

// Layout: local header + data of each member, the central directory, the end record; zip64 adds an
// end record and a locator before the end record, and extra fields with 64-bit numbers.
namespace retina::tensor {
namespace {

static_assert(std::endian::native == std::endian::little, "zip numbers are little-endian");

using Bytes = std::span<const std::byte>;

constexpr std::uint32_t kLocal = 0x04034b50;
constexpr std::uint32_t kCentral = 0x02014b50;
constexpr std::uint32_t kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64 = 0x06064b50;
constexpr std::uint32_t kLocator64 = 0x07064b50;
constexpr std::size_t kLocalBytes = 30;
constexpr std::size_t kCentralBytes = 46;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kLocatorBytes = 20;
constexpr std::size_t kMaxComment = 65535;
constexpr std::uint32_t kIn64 = 0xFFFFFFFF;  ///< "the number is in the zip64 field"
constexpr std::uint16_t kExtra64 = 1;
constexpr std::size_t kAlignment = 64;

[[noreturn]] void fail_zip(const std::string& file, const std::string& found,
                           const std::string& remedy = "the file is damaged: copy it again") {
  throw Error(ErrorKind::bad_data, Problem{.subject = fmt::format("zip archive '{}'", file),
                                           .found = found,
                                           .expected = {},
                                           .remedy = remedy});
}

/// A number at `offset`; bad_data beyond the end.
template <class T>
T number_at(Bytes bytes, std::uint64_t offset, const std::string& file) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) {
    fail_zip(file, "it ends within a header");
  }
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

Bytes part(Bytes bytes, std::uint64_t offset, std::uint64_t size, const std::string& file) {
  if (offset > bytes.size() || size > bytes.size() - offset) {
    fail_zip(file, "a member beyond the end of the file");
  }
  return bytes.subspan(offset, size);
}

struct Directory {
  std::uint64_t offset = 0;
  std::uint64_t entries = 0;
};

Directory find_directory(Bytes bytes, const std::string& file) {
  if (bytes.size() < kEndBytes) {
    fail_zip(file, "no end record");
  }
  const std::size_t last = bytes.size() - kEndBytes;
  const std::size_t first = last > kMaxComment ? last - kMaxComment : 0;
  for (std::size_t at = last + 1; at-- > first;) {
    if (number_at<std::uint32_t>(bytes, at, file) != kEnd) {
      continue;
    }
    Directory found{.offset = number_at<std::uint32_t>(bytes, at + 16, file),
                    .entries = number_at<std::uint16_t>(bytes, at + 10, file)};
    const bool has_locator =
        at >= kLocatorBytes &&
        number_at<std::uint32_t>(bytes, at - kLocatorBytes, file) == kLocator64;
    if (has_locator) {
      const auto end64 = number_at<std::uint64_t>(bytes, at - kLocatorBytes + 8, file);
      if (number_at<std::uint32_t>(bytes, end64, file) != kEnd64) {
        fail_zip(file, "no zip64 end record where it should be");
      }
      found = {.offset = number_at<std::uint64_t>(bytes, end64 + 48, file),
               .entries = number_at<std::uint64_t>(bytes, end64 + 32, file)};
    }
    return found;
  }
  fail_zip(file, "no end record");
}

/// Sizes and offset of a central entry, with those that its zip64 field holds.
struct Location {
  std::uint64_t size = 0;
  std::uint64_t stored = 0;
  std::uint64_t offset = 0;
};

Location locate(Bytes bytes, std::uint64_t at, Bytes extra, const std::string& file) {
  Location found{.size = number_at<std::uint32_t>(bytes, at + 24, file),
                 .stored = number_at<std::uint32_t>(bytes, at + 20, file),
                 .offset = number_at<std::uint32_t>(bytes, at + 42, file)};
  for (std::size_t field = 0; field + 4 <= extra.size();) {
    const auto id = number_at<std::uint16_t>(extra, field, file);
    const auto size = number_at<std::uint16_t>(extra, field + 2, file);
    if (id == kExtra64) {
      const Bytes values = part(extra, field + 4, size, file);
      std::size_t next = 0;
      for (std::uint64_t* value : {&found.size, &found.stored, &found.offset}) {
        if (*value == kIn64) {
          *value = number_at<std::uint64_t>(values, next, file);
          next += 8;
        }
      }
    }
    field += 4 + std::size_t{size};
  }
  return found;
}

template <class T>
void append(std::vector<std::byte>& out, T value) {
  const auto* start = reinterpret_cast<const std::byte*>(&value);
  out.insert(out.end(), start, start + sizeof(T));
}

void append_text(std::vector<std::byte>& out, std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

std::uint16_t short_length(const std::string& name) {
  if (name.size() > std::numeric_limits<std::uint16_t>::max()) {
    throw Error(ErrorKind::internal, "zip: a name of over 65535 bytes");
  }
  return static_cast<std::uint16_t>(name.size());
}

}  // namespace

bool looks_like_zip(Bytes bytes) {
  std::uint32_t mark = 0;
  if (bytes.size() >= sizeof(mark)) {
    std::memcpy(&mark, bytes.data(), sizeof(mark));
  }
  return mark == kLocal;
}

std::vector<ZipMember> read_zip(Bytes archive, const std::string& name) {
  const Directory directory = find_directory(archive, name);
  if (directory.entries > archive.size() / kCentralBytes) {
    fail_zip(name, fmt::format("a directory of {} members", directory.entries));
  }
  std::vector<ZipMember> members;
  std::uint64_t at = directory.offset;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    if (number_at<std::uint32_t>(archive, at, name) != kCentral) {
      fail_zip(name, "a damaged directory");
    }
    const auto name_size = number_at<std::uint16_t>(archive, at + 28, name);
    const auto extra_size = number_at<std::uint16_t>(archive, at + 30, name);
    const auto comment_size = number_at<std::uint16_t>(archive, at + 32, name);
    const Bytes text = part(archive, at + kCentralBytes, name_size, name);
    const Bytes extra = part(archive, at + kCentralBytes + name_size, extra_size, name);
    const Location where = locate(archive, at, extra, name);
    ZipMember member;
    member.name.assign(reinterpret_cast<const char*>(text.data()), text.size());
    const auto flags = number_at<std::uint16_t>(archive, at + 8, name);
    const auto method = number_at<std::uint16_t>(archive, at + 10, name);
    if (method != 0 || (flags & 1) != 0 || where.size != where.stored) {
      fail_zip(name, fmt::format("member '{}' is compressed or encrypted", member.name),
               "write it uncompressed (numpy.savez, torch.save)");
    }
    if (number_at<std::uint32_t>(archive, where.offset, name) != kLocal) {
      fail_zip(name, fmt::format("member '{}' is not where the directory says", member.name));
    }
    const std::uint64_t data = where.offset + kLocalBytes +
                               number_at<std::uint16_t>(archive, where.offset + 26, name) +
                               number_at<std::uint16_t>(archive, where.offset + 28, name);
    member.bytes = part(archive, data, where.size, name);
    members.push_back(std::move(member));
    at += kCentralBytes + std::uint64_t{name_size} + extra_size + comment_size;
  }
  return members;
}

void ZipBuilder::add(const std::string& name, Bytes bytes) {
  if (bytes.size() >= kIn64 || bytes_.size() >= kIn64) {
    throw Error(ErrorKind::resource, Problem{.subject = name,
                                             .found = "over 4 GiB",
                                             .expected = "less",
                                             .remedy = "export to safetensors instead"});
  }
  const Entry entry{
      .name = name, .offset = bytes_.size(), .size = bytes.size(), .crc = core::crc32(bytes)};
  const std::size_t head = kLocalBytes + name.size();
  // an extra field (id, size, zeros) moves the data to the next multiple of 64
  const std::size_t unaligned = (bytes_.size() + head + 4) % kAlignment;
  const std::size_t fill = unaligned == 0 ? 0 : kAlignment - unaligned;
  append(bytes_, kLocal);
  append(bytes_, std::uint16_t{20});  // version needed
  append(bytes_, std::uint16_t{0});   // flags
  append(bytes_, std::uint16_t{0});   // stored
  append(bytes_, std::uint32_t{0});   // time and date
  append(bytes_, entry.crc);
  append(bytes_, static_cast<std::uint32_t>(entry.size));
  append(bytes_, static_cast<std::uint32_t>(entry.size));
  append(bytes_, short_length(name));
  append(bytes_, static_cast<std::uint16_t>(4 + fill));
  append_text(bytes_, name);
  append(bytes_, std::uint16_t{0x4246});  // padding, the mark that Python torch uses
  append(bytes_, static_cast<std::uint16_t>(fill));
  bytes_.insert(bytes_.end(), fill, std::byte{0});
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  entries_.push_back(entry);
}

void ZipBuilder::add(const std::string& name, std::string_view text) {
  add(name, std::as_bytes(std::span(text)));
}

std::vector<std::byte> ZipBuilder::finish() {
  const std::uint64_t start = bytes_.size();
  for (const Entry& entry : entries_) {
    append(bytes_, kCentral);
    append(bytes_, std::uint32_t{20 | (20 << 16)});  // made by, needed
    append(bytes_, std::uint16_t{0});
    append(bytes_, std::uint16_t{0});
    append(bytes_, std::uint32_t{0});
    append(bytes_, entry.crc);
    append(bytes_, static_cast<std::uint32_t>(entry.size));
    append(bytes_, static_cast<std::uint32_t>(entry.size));
    append(bytes_, short_length(entry.name));
    append(bytes_, std::uint32_t{0});  // extra, comment
    append(bytes_, std::uint32_t{0});  // disk, attributes inside
    append(bytes_, std::uint32_t{0});  // attributes outside
    append(bytes_, static_cast<std::uint32_t>(entry.offset));
    append_text(bytes_, entry.name);
  }
  const std::uint64_t size = bytes_.size() - start;
  if (bytes_.size() >= kIn64 || entries_.size() > std::numeric_limits<std::uint16_t>::max()) {
    throw Error(ErrorKind::resource,
                "zip: an archive of over 4 GiB; export to safetensors instead");
  }
  append(bytes_, kEnd);
  append(bytes_, std::uint32_t{0});
  append(bytes_, static_cast<std::uint16_t>(entries_.size()));
  append(bytes_, static_cast<std::uint16_t>(entries_.size()));
  append(bytes_, static_cast<std::uint32_t>(size));
  append(bytes_, static_cast<std::uint32_t>(start));
  append(bytes_, std::uint16_t{0});
  entries_.clear();
  return std::exchange(bytes_, {});
}

}  // namespace retina::tensor
