#include "retina/store/zarr/array.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kOrder = "tczyx";

/// The sides of c,z,y,x, 1 where the array has no such dimension.
Index4 canonical(const std::vector<std::int64_t>& sides, const std::string& axes) {
  Index4 out{1, 1, 1, 1};
  for (std::size_t i = 0; i < sides.size(); ++i) {
    const std::size_t at = kOrder.find(axes[i]);
    if (at > 0) {
      out[at - 1] = sides[i];
    }
  }
  return out;
}

void require_axes(const fs::path& root, const ZarrMetadata& metadata, const std::string& axes) {
  std::size_t next = 0;
  bool is_ordered = axes.size() == metadata.shape.size() && axes.ends_with("yx");
  for (const char axis : axes) {
    const std::size_t at = kOrder.find(axis, next);
    is_ordered = is_ordered && at != std::string_view::npos;
    next = at + 1;
  }
  if (!is_ordered) {
    throw bad_file(root, fmt::format("axes '{}' for {} dimensions", axes, metadata.shape.size()),
                   "axes in the order t, c, z, y, x, each at most once",
                   "give the axes by hand, or store the array in this order");
  }
  if (axes.front() == 't' && metadata.shape.front() != 1) {
    throw bad_file(root, fmt::format("{} time points", metadata.shape.front()), "one time point",
                   "store one time point as an array of its own");
  }
}

}  // namespace

ZarrArray::ZarrArray(fs::path root, ZarrMetadata metadata, std::string axes)
    : root_(std::move(root)), metadata_(std::move(metadata)), axes_(std::move(axes)) {
  require_axes(root_, metadata_, axes_);
  shape_ = canonical(metadata_.shape, axes_);
  chunk_ = canonical(metadata_.chunk, axes_);
  shard_ = canonical(metadata_.shard, axes_);
}

fs::path ZarrArray::shard_path(const Index4& index) const {
  std::string key = metadata_.has_key_prefix ? "c" : "";
  for (const char axis : axes_) {
    if (!key.empty()) {
      key += metadata_.separator;
    }
    const std::size_t at = kOrder.find(axis);
    key += std::to_string(at == 0 ? 0 : index[at - 1]);
  }
  return root_ / key;
}

std::int64_t ZarrArray::index_in_shard(const Index4& chunk) const {
  std::int64_t index = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::int64_t side = shard_[i] / chunk_[i];
    index = index * side + chunk[i] % side;
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

void ZarrArray::fill(core::Array& values) const {
  const std::vector<std::byte>& pattern = metadata_.fill;
  if (std::all_of(pattern.begin(), pattern.end(), [](std::byte b) { return b == std::byte{0}; })) {
    return;  // arrays are born as zeros
  }
  std::byte* out = values.bytes().data();
  for (std::size_t i = 0; i < values.bytes().size(); i += pattern.size()) {
    std::memcpy(out + i, pattern.data(), pattern.size());
  }
}

core::Array ZarrArray::decode(std::span<const std::byte> stored, const Index4& chunk) const {
  core::Array values = make_array(metadata_.dtype, chunk_);
  try {
    const std::vector<std::byte> bytes = metadata_.codecs.decode(stored, metadata_.chunk_bytes());
    std::copy(bytes.begin(), bytes.end(), values.bytes().begin());
  } catch (const Error& error) {
    throw error.within(fmt::format("chunk [{}, {}, {}, {}] of '{}'", chunk[0], chunk[1], chunk[2],
                                   chunk[3], root_.string()));
  }
  return values;
}

ZarrArray::Encoded ZarrArray::encode(const core::Array& chunk) const {
  const std::vector<std::byte>& pattern = metadata_.fill;
  const std::span<const std::byte> bytes = chunk.bytes();
  // all values equal the fill value: the first does, and each equals the one before it
  if (std::equal(pattern.begin(), pattern.end(), bytes.begin()) &&
      std::memcmp(bytes.data(), bytes.data() + pattern.size(), bytes.size() - pattern.size()) ==
          0) {
    return std::nullopt;
  }
  return metadata_.codecs.encode(bytes);
}

core::Array ZarrArray::read(const Block4& block, const CacheOwner* cache) const {
  core::Array values = make_array(metadata_.dtype, block.shape);
  fill(values);
  for_each_cell(block, shard_, [&](const Index4& shard) {
    const auto file = ShardFile::open(shard_path(shard), metadata_);
    if (!file) {
      return;
    }
    for_each_cell(intersect(block, cell_block(shard, shard_)), chunk_, [&](const Index4& chunk) {
      const std::span<const std::byte> stored = file->stored(index_in_shard(chunk));
      const Index4 start = cell_block(chunk, chunk_).start;
      if (stored.empty()) {
        return;
      }
      if (cache == nullptr) {
        copy_block(decode(stored, chunk), start, values, block.start);
      } else {
        const auto load = [&] { return decode(stored, chunk); };
        copy_block(*cache->get(index_in_array(chunk), load), start, values, block.start);
      }
    });
  });
  return values;
}

void ZarrArray::store_shard(const Index4& index,
                            const std::function<Encoded(const Index4&)>& chunk_of) const {
  ShardBuilder builder(metadata_.chunks_per_shard());
  const Block4 inside = intersect(cell_block(index, shard_), whole());
  for_each_cell(inside, chunk_, [&](const Index4& chunk) {
    if (const Encoded bytes = chunk_of(chunk)) {
      builder.add(index_in_shard(chunk), *bytes);
    }
  });
  const fs::path path = shard_path(index);
  fs::create_directories(path.parent_path());
  core::write_atomically(path, std::move(builder).finish(metadata_.index_codecs));
}

ZarrArray::Encoded ZarrArray::merge_chunk(const Index4& chunk, const std::optional<ShardFile>& old,
                                          const Block4& block, const core::Array& values) const {
  const Block4 cell = cell_block(chunk, chunk_);
  const Block4 inside = intersect(cell, whole());
  const Block4 common = intersect(inside, block);
  const std::span<const std::byte> stored =
      old ? old->stored(index_in_shard(chunk)) : std::span<const std::byte>{};
  if (common.empty()) {
    return stored.empty() ? std::nullopt : Encoded({stored.begin(), stored.end()});
  }
  core::Array merged = make_array(metadata_.dtype, chunk_);
  if (common == inside || stored.empty()) {
    fill(merged);
  } else {
    merged = decode(stored, chunk);
  }
  copy_block(values, block.start, merged, cell.start);
  return encode(merged);
}

void ZarrArray::write(const Block4& block, const core::Array& values) {
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

void ZarrArray::write_shard(const Index4& index,
                            const std::function<core::Array(const Block4&)>& make) {
  store_shard(index, [&](const Index4& chunk) {
    const Block4 cell = cell_block(chunk, chunk_);
    const Block4 inside = intersect(cell, whole());
    core::Array padded = make_array(metadata_.dtype, chunk_);
    fill(padded);
    copy_block(make(inside), inside.start, padded, cell.start);
    return encode(padded);
  });
}

bool ZarrArray::has_shard(const Index4& index) const {
  return fs::exists(shard_path(index));
}

}  // namespace retina::store
