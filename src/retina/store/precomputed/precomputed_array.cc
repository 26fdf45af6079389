#include "retina/store/precomputed/precomputed_array.h"

#include <functional>
#include <utility>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/store/block.h"
#include "retina/store/gunzip.h"
#include "retina/store/location.h"
#include "retina/store/precomputed/chunk_codec.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

std::vector<std::byte> read_limited(const fs::path& path, std::size_t limit) {
  if (std::cmp_greater(size_of_file(path), limit)) {
    throw bad_file(path, fmt::format("{} bytes", size_of_file(path)),
                   fmt::format("a chunk of up to {} bytes", limit),
                   "the file is damaged: get a fresh copy");
  }
  return core::read_bytes(path);
}

std::uint64_t count_of_chunks(const PrecomputedScale& scale) {
  const core::Vec3 grid = chunk_grid(scale);
  return static_cast<std::uint64_t>(grid[0]) * static_cast<std::uint64_t>(grid[1]) *
         static_cast<std::uint64_t>(grid[2]);
}

}  // namespace

PrecomputedArray::PrecomputedArray(const fs::path& volume, const PrecomputedInfo& info,
                                   const PrecomputedScale& scale)
    : folder_(volume / scale.key), dtype_(info.dtype), channels_(info.channels), scale_(scale) {
  if (scale.sharding) {
    shards_ = std::make_unique<PrecomputedShards>(folder_, *scale.sharding, count_of_chunks(scale));
  }
}

fs::path PrecomputedArray::chunk_path(const core::Box3& cell) const {
  std::string name;
  for (std::size_t axis = 3; axis-- > 0;) {  // x first
    const std::int64_t start = scale_.start[axis] + cell.start[axis];
    name += fmt::format("{}{}-{}", name.empty() ? "" : "_", start, start + cell.shape[axis]);
  }
  return folder_ / name;
}

std::int64_t PrecomputedArray::number_of(const core::Vec3& index) const {
  const core::Vec3 grid = chunk_grid(scale_);
  return (index[0] * grid[1] + index[1]) * grid[2] + index[2];
}

core::Box3 PrecomputedArray::cell_at(const core::Vec3& index) const {
  core::Box3 cell{.start = {}, .shape = scale_.chunk};
  for (std::size_t i = 0; i < 3; ++i) {
    cell.start[i] = index[i] * scale_.chunk[i];
  }
  return core::intersect(cell, core::whole(scale_.shape));
}

void PrecomputedArray::for_each_chunk(const core::Box3& box,
                                      const std::function<void(const core::Vec3&)>& visit) const {
  const Index4 cell{channels_, scale_.chunk[0], scale_.chunk[1], scale_.chunk[2]};
  for_each_cell(with_channels(box, channels_), cell, [&](const Index4& index) {
    visit({index[1], index[2], index[3]});
  });
}

std::optional<std::vector<std::byte>> PrecomputedArray::stored_bytes(const core::Vec3& index,
                                                                     const core::Box3& cell,
                                                                     std::size_t limit) const {
  if (shards_) {
    return shards_->read(compressed_morton_code(index, chunk_grid(scale_)), limit);
  }
  const fs::path path = chunk_path(cell);
  if (is_present(path)) {
    return read_limited(path, limit);
  }
  if (const fs::path packed = path.string() + ".gz"; is_present(packed)) {
    try {
      return gunzip(read_limited(packed, limit + 4096), limit);
    } catch (const Error& error) {
      throw error.within(fmt::format("'{}'", packed.string()));
    }
  }
  for (const char* ending : {".br", ".zst", ".zstd"}) {
    if (is_present(path.string() + ending)) {
      throw bad_file(path.string() + ending, fmt::format("a chunk packed as {}", ending),
                     "chunks as they are, or packed by gzip", "unpack the volume's files");
    }
  }
  return std::nullopt;
}

core::Array PrecomputedArray::load(const core::Vec3& index) const {
  const core::Box3 cell = cell_at(index);
  const ChunkValues chunk{.dtype = dtype_, .channels = channels_, .shape = cell.shape};
  const auto stored = stored_bytes(index, cell, most_encoded_bytes(scale_, chunk));
  if (!stored) {
    return {};
  }
  const std::string name =
      shards_ ? fmt::format("chunk {} of {}", core::to_string(cell), folder_.string())
              : chunk_path(cell).string();
  return decode_precomputed_chunk(scale_, chunk, *stored, name);
}

core::Array PrecomputedArray::read(const core::Box3& box, const CacheOwner* cache) const {
  core::Array out(dtype_, channels_, box.shape);
  for_each_chunk(box, [&](const core::Vec3& index) {
    const core::Vec3 start = cell_at(index).start;
    const auto copy = [&](const core::Array& chunk) {
      if (chunk.channels() > 0) {
        core::copy_overlap(chunk, start, out, box.start);
      }
    };
    if (cache == nullptr) {
      copy(load(index));
    } else {
      copy(*cache->get(number_of(index), [&] { return load(index); }));
    }
  });
  return out;
}

void PrecomputedArray::write(const core::Box3& box, const core::Array& values) {
  for_each_chunk(box, [&](const core::Vec3& index) {
    const core::Box3 cell = cell_at(index);
    const auto stripe = static_cast<std::size_t>(number_of(index)) % mutexes_.size();
    const std::lock_guard lock(mutexes_[stripe]);
    core::Array merged = box.contains(cell) ? core::Array() : load(index);
    if (merged.channels() == 0) {
      merged = core::Array(dtype_, channels_, cell.shape);
    }
    core::copy_overlap(values, box.start, merged, cell.start);
    fs::create_directories(folder_);
    core::write_atomically(chunk_path(cell), encode_precomputed_chunk(scale_, std::move(merged)));
  });
}

bool PrecomputedArray::has_chunks_of(const core::Box3& box) const {
  bool has_all = true;
  for_each_chunk(box, [&](const core::Vec3& index) {
    has_all = has_all && is_present(chunk_path(cell_at(index)));
  });
  return has_all;
}

}  // namespace retina::store
