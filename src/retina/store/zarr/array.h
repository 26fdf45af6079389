#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/array.h"
#include "retina/store/block.h"
#include "retina/store/chunk_cache.h"
#include "retina/store/zarr/array_axes.h"
#include "retina/store/zarr/array_metadata.h"
#include "retina/store/zarr/shard.h"

namespace retina::store {

/// A zarr array on disk seen as c,z,y,x. Reads what it needs; writes shard by shard. Threads may
/// read at once and write at once (writes to one shard take turns).
class ZarrArray {
 public:
  /// `axes` names the dimensions as ArrayAxes takes them. Arrays that are written have them in
  /// the order c, z, y, x.
  ZarrArray(std::filesystem::path root, ZarrMetadata metadata, std::string axes);

  const ZarrMetadata& metadata() const { return metadata_; }
  const Index4& shape() const { return shape_; }
  const Index4& chunk() const { return chunk_; }
  const Index4& shard() const { return shard_; }

  /// After the folder was renamed.
  void set_root(std::filesystem::path root) { root_ = std::move(root); }

  /// Decodes the chunks that `block` meets. With a cache, decoded chunks are kept there.
  core::Array read(const Block4& block, const CacheOwner* cache = nullptr) const;

  /// Whole shards are written without reading; of others the untouched chunks are copied as they
  /// are.
  void write(const Block4& block, const core::Array& values);

  /// Writes one shard from the values that `make` gives for each `piece` of its chunks, cut at the
  /// array's border. Pieces lie on a grid of their own and may be as large as a chunk.
  void write_shard(const Index4& index, const Index4& piece,
                   const std::function<core::Array(const Block4&)>& make);

  bool has_shard(const Index4& index) const;

 private:
  using Encoded = std::optional<std::vector<std::byte>>;

  std::filesystem::path shard_path(const Index4& index) const;
  std::int64_t index_in_shard(const Index4& chunk) const;
  std::int64_t index_in_array(const Index4& chunk) const;
  Block4 whole() const { return {{0, 0, 0, 0}, shape_}; }
  core::Array decode(const std::vector<std::byte>& stored, const Index4& chunk) const;
  Encoded encode(const core::Array& chunk) const;
  void store_shard(const Index4& index,
                   const std::function<Encoded(const Index4&)>& chunk_of) const;
  Encoded merge_chunk(const Index4& chunk, const std::optional<ShardFile>& old, const Block4& block,
                      const core::Array& values) const;

  std::filesystem::path root_;
  ZarrMetadata metadata_;
  ArrayAxes axes_;
  Index4 shape_{};
  Index4 chunk_{};
  Index4 shard_{};
  std::array<std::mutex, 64> mutexes_;
};

}  // namespace retina::store
