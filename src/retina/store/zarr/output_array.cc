#include "retina/store/zarr/output_array.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace retina::store {

namespace {

std::int64_t round_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

/// The largest part of `shard` that is no larger than `wanted`; all of it where that would be tiny.
std::int64_t fitting_chunk(std::int64_t wanted, std::int64_t shard) {
  constexpr std::int64_t kLeast = 16;
  std::int64_t chunk = std::min(wanted, shard);
  while (shard % chunk != 0) {
    --chunk;
  }
  return chunk < std::min(kLeast, wanted) ? shard : chunk;
}

OutputGrid choose_sharded_grid(const core::Vec3& shape, const CreateOptions& options) {
  const bool is_plane = shape[0] == 1;
  OutputGrid grid{.chunk = is_plane ? core::Vec3{1, 256, 256} : core::Vec3{64, 64, 64},
                  .shard = is_plane ? core::Vec3{1, 2048, 2048} : core::Vec3{64, 512, 512}};
  for (std::size_t i = 0; i < 3; ++i) {
    const std::int64_t chunk = options.chunk[i];
    grid.shard[i] = options.shard[i] > 0 ? options.shard[i] : std::max(grid.shard[i], chunk);
    grid.chunk[i] = chunk > 0 ? chunk : fitting_chunk(grid.chunk[i], grid.shard[i]);
    if (options.shard[i] > 0 && options.shard[i] % grid.chunk[i] != 0) {
      throw Error(ErrorKind::usage,
                  Problem{.subject = "shard",
                          .found = fmt::format("{} along {}", options.shard[i], "zyx"[i]),
                          .expected = fmt::format("a multiple of the chunk, {}", grid.chunk[i]),
                          .remedy = "choose another shard, or leave the chunk out"});
    }
    grid.chunk[i] = std::min(grid.chunk[i], shape[i]);
    grid.shard[i] = round_up(std::min(grid.shard[i], shape[i]), grid.chunk[i]);
  }
  return grid;
}

std::vector<std::int64_t> sides(const core::Vec3& zyx, int channels, std::int64_t channel_side) {
  std::vector<std::int64_t> out(zyx.begin(), zyx.end());
  if (channels > 1) {
    out.insert(out.begin(), channel_side);
  }
  return out;
}

}  // namespace

OutputGrid output_grid(ZarrFormat format, const core::Vec3& shape, const CreateOptions& options) {
  if (format == ZarrFormat::v3) {
    return choose_sharded_grid(shape, options);
  }
  core::Vec3 chunk = shape[0] == 1 ? core::Vec3{1, 1024, 1024} : core::Vec3{128, 128, 128};
  for (std::size_t i = 0; i < 3; ++i) {
    chunk[i] = std::min(options.chunk[i] > 0 ? options.chunk[i] : chunk[i], shape[i]);
  }
  return {.chunk = chunk, .shard = chunk};
}

ZarrMetadata output_array(ZarrFormat format, const core::Vec3& shape,
                          const CreateOptions& options) {
  if (options.compression == Compression::deflate) {
    throw Error(ErrorKind::usage, Problem{.subject = "compression of an OME-Zarr",
                                          .found = "deflate",
                                          .expected = "automatic, none or zstd"});
  }
  const OutputGrid grid = output_grid(format, shape, options);
  ZarrMetadata metadata;
  metadata.format = format;
  metadata.dtype = options.dtype;
  metadata.shape = sides(shape, options.channels, options.channels);
  metadata.chunk = sides(grid.chunk, options.channels, 1);
  metadata.shard = sides(grid.shard, options.channels, 1);
  if (format == ZarrFormat::v3) {
    metadata.shard_index = ShardIndexForm{};
    metadata.codecs = CodecChain::standard(options.dtype);
  } else {
    metadata.has_key_prefix = false;
    metadata.codecs = CodecChain::standard_v2(options.dtype);
  }
  if (options.compression == Compression::none) {
    metadata.codecs = CodecChain::uncompressed(options.dtype);
  }
  metadata.fill.assign(core::size_of(options.dtype), std::byte{0});
  for (const char* axis : {"c", "z", "y", "x"}) {
    if (axis[0] != 'c' || options.channels > 1) {
      metadata.dimension_names.emplace_back(axis);
    }
  }
  return metadata;
}

}  // namespace retina::store
