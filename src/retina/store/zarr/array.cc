#include "retina/store/zarr/array.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/file.h"

namespace retina::store {

namespace fs = std::filesystem;

ZarrArray::ZarrArray(fs::path root, ZarrMetadata metadata, std::string axes)
    : root_(std::move(root)),
      metadata_(std::move(metadata)),
      axes_(root_, std::move(axes), metadata_.shape) {
  shape_ = axes_.canonical(metadata_.shape);
  chunk_ = axes_.canonical(metadata_.chunk);
  shard_ = axes_.canonical(metadata_.shard);
}

fs::path ZarrArray::shard_path(const Index4& index) const {
  std::string key = metadata_.has_key_prefix ? "c" : "";
  for (const std::int64_t i : axes_.stored(index)) {
    if (!key.empty()) {
      key += metadata_.separator;
    }
    key += std::to_string(i);
  }
  return root_ / key;
}

std::int64_t ZarrArray::index_in_shard(const Index4& chunk) const {
  const Sides stored = axes_.stored(chunk);
  std::int64_t index = 0;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const std::int64_t side = metadata_.shard[i] / metadata_.chunk[i];
    index = index * side + stored[i] % side;
  }
  return index;
}

std::int64_t ZarrArray::index_in_array(const Index4& chunk) const {
  std::int64_t index = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    index = index * ((shape_[i] + chunk_[i] - 1) / chunk_[i]) + chunk[i];
  }
  return index;
}

core::Array ZarrArray::decode(const std::vector<std::byte>& stored, const Index4& chunk) const {
  try {
    return axes_.arrange(metadata_.codecs.decode(stored, metadata_.chunk_bytes()), metadata_.dtype,
                         metadata_.chunk);
  } catch (const Error& error) {
    throw error.within(fmt::format("chunk [{}, {}, {}, {}] of '{}'", chunk[0], chunk[1], chunk[2],
                                   chunk[3], root_.string()));
  }
}

ZarrArray::Encoded ZarrArray::encode(const core::Array& chunk) const {
  const std::vector<std::byte>& pattern = metadata_.fill;
  const std::span<const std::byte> bytes = chunk.bytes();
  // all values equal the fill value: the first does, and each equals the one before it. A chunk
  // that is a file of its own is stored all the same: that it is there says that it was written.
  if (metadata_.shard_index && std::equal(pattern.begin(), pattern.end(), bytes.begin()) &&
      std::memcmp(bytes.data(), bytes.data() + pattern.size(), bytes.size() - pattern.size()) ==
          0) {
    return std::nullopt;
  }
  return metadata_.codecs.encode(bytes);
}

core::Array ZarrArray::read(const Block4& block, const CacheOwner* cache) const {
  core::Array values = make_array(metadata_.dtype, block.shape);
  fill_values(values.bytes(), metadata_.fill);
  for_each_cell(block, shard_, [&](const Index4& shard) {
    const auto file = ShardFile::open(shard_path(shard), metadata_);
    if (!file) {
      return;
    }
    for_each_cell(intersect(block, cell_block(shard, shard_)), chunk_, [&](const Index4& chunk) {
      const std::int64_t i = index_in_shard(chunk);
      if (!file->has(i)) {
        return;
      }
      const Index4 start = cell_block(chunk, chunk_).start;
      const auto load = [&] { return decode(file->read(i), chunk); };
      if (cache == nullptr) {
        copy_block(load(), start, values, block.start);
      } else {
        copy_block(*cache->get(index_in_array(chunk), load), start, values, block.start);
      }
    });
  });
  return values;
}

void ZarrArray::store_shard(const Index4& index,
                            const std::function<Encoded(const Index4&)>& chunk_of) const {
  const fs::path path = shard_path(index);
  fs::create_directories(path.parent_path());
  const Block4 inside = intersect(cell_block(index, shard_), whole());
  if (!metadata_.shard_index) {
    for_each_cell(inside, chunk_, [&](const Index4& chunk) {
      core::write_atomically(path, chunk_of(chunk).value());
    });
    return;
  }
  ShardBuilder builder(metadata_.chunks_per_shard());
  for_each_cell(inside, chunk_, [&](const Index4& chunk) {
    if (const Encoded bytes = chunk_of(chunk)) {
      builder.add(index_in_shard(chunk), *bytes);
    }
  });
  core::write_atomically(path, std::move(builder).finish(*metadata_.shard_index));
}

ZarrArray::Encoded ZarrArray::merge_chunk(const Index4& chunk, const std::optional<ShardFile>& old,
                                          const Block4& block, const core::Array& values) const {
  const Block4 cell = cell_block(chunk, chunk_);
  const Block4 inside = intersect(cell, whole());
  const Block4 common = intersect(inside, block);
  const std::int64_t i = index_in_shard(chunk);
  const bool is_stored = old && old->has(i);
  if (common.empty()) {
    return is_stored ? Encoded(old->read(i)) : std::nullopt;
  }
  core::Array merged = make_array(metadata_.dtype, chunk_);
  if (common == inside || !is_stored) {
    fill_values(merged.bytes(), metadata_.fill);
  } else {
    merged = decode(old->read(i), chunk);
  }
  copy_block(values, block.start, merged, cell.start);
  return encode(merged);
}

void ZarrArray::write(const Block4& block, const core::Array& values) {
  if (!axes_.is_canonical()) {
    throw Error(ErrorKind::internal, "writing to an array with axes " + axes_.letters());
  }
  for_each_cell(block, shard_, [&](const Index4& shard) {
    const Block4 inside = intersect(cell_block(shard, shard_), whole());
    const std::size_t stripe = std::hash<std::string>{}(shard_path(shard)) % mutexes_.size();
    const std::lock_guard lock(mutexes_[stripe]);
    const auto old = intersect(inside, block) == inside
                         ? std::optional<ShardFile>{}
                         : ShardFile::open(shard_path(shard), metadata_);
    store_shard(shard, [&](const Index4& chunk) { return merge_chunk(chunk, old, block, values); });
  });
}

void ZarrArray::write_shard(const Index4& index, const Index4& piece,
                            const std::function<core::Array(const Block4&)>& make) {
  store_shard(index, [&](const Index4& chunk) {
    const Block4 cell = cell_block(chunk, chunk_);
    const Block4 inside = intersect(cell, whole());
    core::Array padded = make_array(metadata_.dtype, chunk_);
    fill_values(padded.bytes(), metadata_.fill);
    for_each_cell(inside, piece, [&](const Index4& part) {
      const Block4 block = intersect(cell_block(part, piece), inside);
      copy_block(make(block), block.start, padded, cell.start);
    });
    return encode(padded);
  });
}

bool ZarrArray::has_shard(const Index4& index) const {
  return fs::exists(shard_path(index));
}

}  // namespace retina::store
