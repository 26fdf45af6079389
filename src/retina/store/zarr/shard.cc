#include "retina/store/zarr/shard.h"

#include <utility>

#include <fmt/format.h>

#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

std::optional<ShardFile> ShardFile::open(const fs::path& path, const ZarrMetadata& metadata) {
  if (!fs::exists(path)) {
    return std::nullopt;
  }
  ShardFile shard;
  shard.file_ = std::make_unique<PositionedFile>(path);
  shard.size_ = static_cast<std::uint64_t>(shard.file_->size());
  shard.most_ = metadata.codecs.most_encoded(metadata.chunk_bytes());
  if (!metadata.shard_index) {
    return shard;
  }
  const std::int64_t chunks = metadata.chunks_per_shard();
  const std::size_t size = shard_index_size(*metadata.shard_index, chunks);
  if (shard.size_ < size) {
    throw bad_file(path, fmt::format("{} bytes", shard.size_),
                   fmt::format("a shard with an index of {} bytes", size),
                   "the file is cut short: get a fresh copy");
  }
  const bool is_at_end = metadata.shard_index->place == ShardIndexForm::Place::end;
  const std::vector<std::byte> encoded = shard.read_at(is_at_end ? shard.size_ - size : 0, size);
  try {
    shard.index_.emplace(encoded, *metadata.shard_index, chunks);
  } catch (const Error& error) {
    throw error.within(fmt::format("index of '{}'", path.string()));
  }
  return shard;
}

std::optional<ShardIndex::Extent> ShardFile::find(std::int64_t i) const {
  if (!index_) {
    return ShardIndex::Extent{0, size_};
  }
  try {
    return index_->find(i, size_);
  } catch (const Error& error) {
    throw error.within(fmt::format("'{}'", file_->path().string()));
  }
}

bool ShardFile::has(std::int64_t i) const {
  return find(i).has_value();
}

std::vector<std::byte> ShardFile::read(std::int64_t i) const {
  const auto extent = find(i);
  if (!extent) {
    return {};
  }
  if (extent->size == 0 || extent->size > most_) {
    throw bad_file(file_->path(), fmt::format("a chunk of {} bytes", extent->size),
                   fmt::format("1 to {} bytes", most_), "the file is damaged: get a fresh copy");
  }
  return read_at(extent->offset, extent->size);
}

std::vector<std::byte> ShardFile::read_at(std::uint64_t offset, std::uint64_t size) const {
  std::vector<std::byte> bytes(size);
  file_->read(static_cast<std::int64_t>(offset), bytes);
  return bytes;
}

}  // namespace retina::store
