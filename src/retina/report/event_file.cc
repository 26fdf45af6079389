#include "retina/report/event_file.h"

#include <bit>

#include "retina/core/crc32.h"
#include "retina/core/error.h"

namespace retina::report {
namespace {

/// Stored checksums are rotated and shifted, so that data that holds checksums stays checkable.
std::uint32_t masked_crc(std::string_view bytes) {
  return std::rotr(core::crc32c(std::as_bytes(std::span(bytes))), 15) + 0xa282ead8U;
}

template <class T>
std::string little_endian(T value) {
  std::string out;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out += static_cast<char>(value >> (8 * i) & 0xff);
  }
  return out;
}

// Protocol buffer wire format: a key (field << 3 | type), then the value.
std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) {
    out += static_cast<char>((value & 0x7f) | 0x80);
  }
  return out + static_cast<char>(value);
}

std::string key(int field, int type) {
  return varint(static_cast<std::uint64_t>(field << 3 | type));
}
std::string varint_field(int field, std::uint64_t value) {
  return key(field, 0) + varint(value);
}
std::string double_field(int field, double value) {
  return key(field, 1) + little_endian(std::bit_cast<std::uint64_t>(value));
}
std::string float_field(int field, float value) {
  return key(field, 5) + little_endian(std::bit_cast<std::uint32_t>(value));
}
std::string bytes_field(int field, std::string_view value) {
  return key(field, 2) + varint(value.size()) + std::string(value);
}

// Field numbers of event.proto and summary.proto.
constexpr int kEventWallTime = 1;
constexpr int kEventStep = 2;
constexpr int kEventFileVersion = 3;
constexpr int kEventSummary = 5;
constexpr int kSummaryValue = 1;
constexpr int kValueTag = 1;
constexpr int kValueSimple = 2;

}  // namespace

EventFile::EventFile(const std::filesystem::path& path)
    : path_(path), file_(path, std::ios::binary | std::ios::trunc) {
  record(double_field(kEventWallTime, 0) + bytes_field(kEventFileVersion, "brain.Event:2"));
}

void EventFile::scalars(std::int64_t step, double wall_time_s,
                        std::span<const std::pair<std::string, double>> values) {
  std::string summary;
  for (const auto& [tag, value] : values) {
    summary += bytes_field(kSummaryValue, bytes_field(kValueTag, tag) +
                                              float_field(kValueSimple, static_cast<float>(value)));
  }
  record(double_field(kEventWallTime, wall_time_s) +
         varint_field(kEventStep, static_cast<std::uint64_t>(step)) +
         bytes_field(kEventSummary, summary));
}

void EventFile::flush() {
  file_.flush();
}

void EventFile::record(std::string_view payload) {
  const std::string length = little_endian(static_cast<std::uint64_t>(payload.size()));
  file_ << length << little_endian(masked_crc(length)) << payload
        << little_endian(masked_crc(payload));
  if (!file_) {
    throw Error(ErrorKind::resource, Problem{.subject = path_.string(),
                                             .found = "writing failed",
                                             .expected = {},
                                             .remedy = "check free space and permissions"});
  }
}

}  // namespace retina::report
