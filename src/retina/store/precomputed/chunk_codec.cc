#include "retina/store/precomputed/chunk_codec.h"

#include <algorithm>
#include <bit>
#include <utility>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/store/flat_file.h"
#include "retina/store/jpeg/jpeg.h"
#include "retina/store/png/png.h"
#include "retina/store/precomputed/compressed_segmentation.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace {

/// Blocks of compressed_segmentation in all channels.
std::size_t count_blocks(const PrecomputedScale& scale, const ChunkValues& chunk) {
  auto blocks = static_cast<std::size_t>(chunk.channels);
  for (std::size_t i = 0; i < 3; ++i) {
    blocks *= static_cast<std::size_t>((chunk.shape[i] + scale.block[i] - 1) / scale.block[i]);
  }
  return blocks;
}

void require_bytes(std::span<const std::byte> stored, bool is_enough, std::size_t needed,
                   const std::string& name) {
  if (!is_enough) {
    throw bad_file(name, fmt::format("{} bytes", stored.size()),
                   fmt::format("a chunk of {} bytes", needed),
                   "the file is damaged or cut short: get a fresh copy");
  }
}

core::Array decode_raw(const ChunkValues& chunk, std::span<const std::byte> stored,
                       const std::string& name) {
  require_bytes(stored, stored.size() == chunk.bytes(), chunk.bytes(), name);
  core::Array values = chunk.make();
  std::copy(stored.begin(), stored.end(), values.bytes().begin());
  to_native_order(values, std::endian::little);
  return values;
}

core::Array decode_labels(const PrecomputedScale& scale, const ChunkValues& chunk,
                          std::span<const std::byte> stored, const std::string& name) {
  const std::size_t headers = 8 * count_blocks(scale, chunk);
  require_bytes(stored, stored.size() >= headers, headers, name);
  core::Array values = chunk.make();
  try {
    decode_compressed_segmentation(stored, scale.block, values);
  } catch (const Error& error) {
    throw error.within(fmt::format("'{}'", name));
  }
  return values;
}

/// A picture of any shape with the chunk's pixels in order, x fastest.
core::Array decode_picture(const PrecomputedScale& scale, const ChunkValues& chunk,
                           std::span<const std::byte> stored, const std::string& name) {
  const std::int64_t pixels = chunk.shape[0] * chunk.shape[1] * chunk.shape[2];
  const core::Array picture = scale.encoding == PrecomputedEncoding::jpeg
                                  ? decode_jpeg(stored, name, pixels)
                                  : decode_png(stored, name, pixels);
  if (picture.dtype() != chunk.dtype || picture.channels() != chunk.channels ||
      picture.voxels() != pixels) {
    throw bad_file(
        name,
        fmt::format("a picture of {} x {} {} with {} channel(s)", picture.shape()[1],
                    picture.shape()[2], core::name_of(picture.dtype()), picture.channels()),
        fmt::format("{} {} with {} channel(s)", pixels, core::name_of(chunk.dtype), chunk.channels),
        "the file is damaged: get a fresh copy");
  }
  core::Array values = chunk.make();
  std::copy(picture.bytes().begin(), picture.bytes().end(), values.bytes().begin());
  return values;
}

}  // namespace

std::size_t ChunkValues::bytes() const {
  return core::size_of(dtype) * static_cast<std::size_t>(channels) *
         static_cast<std::size_t>(shape[0] * shape[1] * shape[2]);
}

std::size_t most_encoded_bytes(const PrecomputedScale& scale, const ChunkValues& chunk) {
  constexpr std::size_t kHeaders = 65536;
  const std::size_t raw = chunk.bytes();
  if (scale.encoding == PrecomputedEncoding::raw) {
    return raw;
  }
  if (scale.encoding != PrecomputedEncoding::compressed_segmentation) {
    return 2 * raw + kHeaders;  // pictures of noise are larger than raw values by a little
  }
  std::size_t block = 1;
  for (const std::int64_t side : scale.block) {
    block *= static_cast<std::size_t>(side);
  }
  // headers, tables, indices of 32 bits
  return kHeaders + raw + count_blocks(scale, chunk) * (8 + 4 * block);
}

std::vector<std::byte> encode_precomputed_chunk(const PrecomputedScale& scale, core::Array values) {
  if (scale.encoding == PrecomputedEncoding::compressed_segmentation) {
    return encode_compressed_segmentation(values, scale.block);
  }
  if (scale.encoding != PrecomputedEncoding::raw) {
    throw Error(ErrorKind::internal, "pictures are not written as precomputed chunks");
  }
  to_native_order(values, std::endian::little);  // and back: the same on every machine
  return {values.bytes().begin(), values.bytes().end()};
}

core::Array decode_precomputed_chunk(const PrecomputedScale& scale, const ChunkValues& chunk,
                                     std::span<const std::byte> stored, const std::string& name) {
  switch (scale.encoding) {
    case PrecomputedEncoding::raw:
      return decode_raw(chunk, stored, name);
    case PrecomputedEncoding::compressed_segmentation:
      return decode_labels(scale, chunk, stored, name);
    case PrecomputedEncoding::jpeg:
    case PrecomputedEncoding::png:
      break;
  }
  return decode_picture(scale, chunk, stored, name);
}

}  // namespace retina::store
