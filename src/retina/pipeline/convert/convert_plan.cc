#include "retina/pipeline/convert/convert_plan.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "retina/core/file.h"

namespace retina::pipeline {
namespace {

constexpr std::int64_t kLeastBlockBytes = std::int64_t{16} << 20;
constexpr std::int64_t kMostCacheBytes = std::int64_t{256} << 20;
constexpr std::int64_t kCacheShare = 8;      ///< of the limit: one part in this many
constexpr std::int64_t kDecodingCopies = 3;  ///< of a chunk: as stored, decoded, in axis order
/// Smaller blocks cost more in bookkeeping than they save.
constexpr std::int64_t kLeastUsefulBytes = std::int64_t{8} << 20;

struct Interval {
  std::int64_t first = 0;
  std::int64_t stop = 0;
};

/// "", ":", "3:", ":7", "3:7" within 0 .. side; nothing for other text.
std::optional<Interval> parse_interval(std::string_view text, std::int64_t side) {
  Interval out{0, side};
  if (text.empty()) {
    return out;
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  const auto bound = [](std::string_view digits, std::int64_t& value) {
    if (digits.empty()) {
      return true;
    }
    const char* end = digits.data() + digits.size();
    const auto [stop, code] = std::from_chars(digits.data(), end, value);
    return code == std::errc() && stop == end;
  };
  if (!bound(text.substr(0, colon), out.first) || !bound(text.substr(colon + 1), out.stop)) {
    return std::nullopt;
  }
  return out;
}

std::vector<std::string_view> split_at_commas(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(comma + 1);
  }
}

Error bad_crop(const std::string& text, const std::string& expected) {
  return Error(ErrorKind::usage, Problem{.subject = "crop",
                                         .found = fmt::format("'{}'", text),
                                         .expected = expected,
                                         .remedy = "such as --crop 0:100,:,512:1024"});
}

std::int64_t round_up_to(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

/// Bytes of a block cut at the volume's border; saturates.
std::int64_t bytes_of(const core::Vec3& block, const BlockRequest& request) {
  std::int64_t bytes = request.voxel_bytes;
  for (std::size_t a = 0; a < 3; ++a) {
    if (__builtin_mul_overflow(bytes, std::min(block[a], request.shape[a]), &bytes)) {
      return std::numeric_limits<std::int64_t>::max();
    }
  }
  return bytes;
}

/// `block` with its side `axis` grown in whole units towards `wanted`, as far as `max_bytes` allow.
void grow(core::Vec3& block, std::size_t axis, std::int64_t wanted, std::int64_t max_bytes,
          const BlockRequest& request) {
  core::Vec3 one = block;
  one[axis] = request.unit[axis];
  const std::int64_t unit_bytes = std::max<std::int64_t>(1, bytes_of(one, request));
  const std::int64_t units = std::min(
      round_up_to(std::min(wanted, request.shape[axis]), request.unit[axis]) / request.unit[axis],
      max_bytes / unit_bytes);
  block[axis] = std::max(block[axis], units * request.unit[axis]);
}

}  // namespace

core::Box3 parse_crop(const std::string& text, const core::Vec3& shape) {
  if (text.empty()) {
    return core::whole(shape);
  }
  const std::vector<std::string_view> parts = split_at_commas(text);
  core::Box3 box;
  for (std::size_t a = 0; a < 3; ++a) {
    const auto interval =
        parts.size() == 3 ? parse_interval(parts[a], shape[a]) : std::optional<Interval>{};
    if (!interval) {
      throw bad_crop(text,
                     "z0:z1,y0:y1,x0:x1 with whole numbers; a bound left out is the volume's");
    }
    if (interval->first < 0 || interval->stop > shape[a] || interval->first >= interval->stop) {
      throw bad_crop(text, fmt::format("a part of the volume, which has {} voxels (z, y, x)",
                                       core::to_string(shape)));
    }
    box.start[a] = interval->first;
    box.shape[a] = interval->stop - interval->first;
  }
  return box;
}

core::Vec3 plan_blocks(const BlockRequest& request) {
  core::Vec3 block = request.unit;
  if (bytes_of(block, request) > request.max_bytes) {
    throw Error(ErrorKind::resource,
                Problem{.subject = "--max-ram",
                        .found = fmt::format("{} for each block in flight",
                                             core::format_size(request.max_bytes)),
                        .expected = fmt::format("{}, for one storage unit of {} voxels (z, y, x)",
                                                core::format_size(bytes_of(block, request)),
                                                core::to_string(request.unit)),
                        .remedy = "allow more memory, fewer --threads, or a smaller --shard"});
  }
  for (const std::size_t axis : {2U, 1U, 0U}) {
    const std::int64_t chunk = request.chunk[axis] == 0 ? request.shape[axis] : request.chunk[axis];
    grow(block, axis, chunk, request.max_bytes, request);
  }
  const std::int64_t useful = std::min(kLeastUsefulBytes, request.max_bytes);
  for (const std::size_t axis : {2U, 1U, 0U}) {
    grow(block, axis, request.shape[axis], useful, request);
  }
  return block;
}

std::int64_t decoded_chunk_bytes(const core::VolumeInfo& info) {
  constexpr std::int64_t kMost = std::int64_t{1} << 56;  // what a damaged header may claim
  std::int64_t bytes = info.channels * static_cast<std::int64_t>(core::size_of(info.dtype));
  for (const std::int64_t side : info.chunk) {
    if (__builtin_mul_overflow(bytes, side, &bytes) || bytes > kMost) {
      return kMost;
    }
  }
  return bytes;
}

MemoryShare share_memory(const MemoryRequest& request) {
  MemoryShare share;
  share.decoding_bytes = kDecodingCopies * request.chunk_bytes;
  // the latest chunk stays in the cache, however large
  share.cache_bytes =
      std::max(std::min(kMostCacheBytes, request.limit / kCacheShare), request.chunk_bytes);
  const std::int64_t free = request.limit - request.taken - share.cache_bytes;
  const std::int64_t least = share.decoding_bytes + std::max(kLeastBlockBytes, request.unit_bytes);
  share.threads = static_cast<int>(std::min<std::int64_t>(request.threads, free / least));
  if (share.threads < 1) {
    const std::int64_t alone = request.taken + least;
    const std::int64_t needed =
        alone + std::max(std::min(kMostCacheBytes, alone / (kCacheShare - 1)), request.chunk_bytes);
    constexpr std::int64_t kMiB = std::int64_t{1} << 20;
    throw Error(
        ErrorKind::resource,
        Problem{.subject = "--max-ram",
                .found = core::format_size(request.limit),
                .expected =
                    fmt::format("at least {} MiB, for one thread with chunks of {} to decode "
                                "and blocks of {}",
                                (needed + kMiB - 1) / kMiB, core::format_size(request.chunk_bytes),
                                core::format_size(least - share.decoding_bytes)),
                .remedy = "allow more memory, or a smaller --shard or --chunk if the blocks are "
                          "the larger part"});
  }
  share.block_bytes = free / share.threads - share.decoding_bytes;
  return share;
}

}  // namespace retina::pipeline
