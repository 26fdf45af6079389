#include "retina/store/precomputed/compressed_segmentation.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "retina/core/error.h"

namespace retina::store {

namespace {

constexpr std::size_t kMostTableOffset = (std::size_t{1} << 24) - 1;
constexpr std::size_t kWordBits = 32;

Error damaged_labels(const std::string& found) {
  return Error(ErrorKind::bad_data,
               Problem{.subject = "compressed_segmentation",
                       .found = found,
                       .expected = "an undamaged chunk",
                       .remedy = "the file is damaged or cut short: get a fresh copy"});
}

core::Vec3 grid_of(const core::Vec3& shape, const core::Vec3& block) {
  core::Vec3 grid{};
  for (std::size_t i = 0; i < 3; ++i) {
    grid[i] = (shape[i] + block[i] - 1) / block[i];
  }
  return grid;
}

/// Calls visit(number of the block, its box inside the chunk), x fastest.
template <class Visit>
void for_each_block(const core::Vec3& shape, const core::Vec3& block, Visit visit) {
  const core::Vec3 grid = grid_of(shape, block);
  std::size_t number = 0;
  for (std::int64_t z = 0; z < grid[0]; ++z) {
    for (std::int64_t y = 0; y < grid[1]; ++y) {
      for (std::int64_t x = 0; x < grid[2]; ++x) {
        const core::Box3 cell{{z * block[0], y * block[1], x * block[2]}, block};
        visit(number++, core::intersect(cell, core::whole(shape)));
      }
    }
  }
}

/// Calls visit(place in the channel, place in a whole block) for the voxels of a block.
template <class Visit>
void for_each_voxel(const core::Box3& box, const core::Vec3& shape, const core::Vec3& block,
                    Visit visit) {
  for (std::int64_t z = 0; z < box.shape[0]; ++z) {
    for (std::int64_t y = 0; y < box.shape[1]; ++y) {
      const std::int64_t row =
          ((box.start[0] + z) * shape[1] + box.start[1] + y) * shape[2] + box.start[2];
      const std::int64_t row_in_block = (z * block[1] + y) * block[2];
      for (std::int64_t x = 0; x < box.shape[2]; ++x) {
        visit(static_cast<std::size_t>(row + x), static_cast<std::size_t>(row_in_block + x));
      }
    }
  }
}

/// 0, 1, 2, 4, 8, 16 or 32 bits for an index into a table of this size.
std::size_t bits_for(std::size_t table_size) {
  const auto needed = static_cast<std::size_t>(std::bit_width(table_size - 1));
  return needed == 0 ? 0 : std::bit_ceil(needed);
}

template <class T>
class ChannelEncoder {
 public:
  ChannelEncoder(const core::Vec3& shape, const core::Vec3& block, std::vector<std::uint32_t>& out)
      : shape_(shape), block_(block), out_(out), base_(out.size()) {}

  void encode(const T* labels) {
    const core::Vec3 grid = grid_of(shape_, block_);
    out_.resize(base_ + 2 * static_cast<std::size_t>(grid[0] * grid[1] * grid[2]));
    for_each_block(shape_, block_, [&](std::size_t number, const core::Box3& box) {
      encode_block(labels, number, box);
    });
  }

 private:
  void encode_block(const T* labels, std::size_t number, const core::Box3& box) {
    std::vector<T> table;
    for_each_voxel(box, shape_, block_, [&](std::size_t at, std::size_t) {
      if (table.empty() || table.back() != labels[at]) {
        table.push_back(labels[at]);
      }
    });
    std::sort(table.begin(), table.end());
    table.erase(std::unique(table.begin(), table.end()), table.end());
    const std::size_t bits = bits_for(table.size());
    const std::size_t indices = out_.size() - base_;
    const auto voxels = static_cast<std::size_t>(block_[0] * block_[1] * block_[2]);
    out_.resize(out_.size() + (bits * voxels + kWordBits - 1) / kWordBits);
    if (bits > 0) {
      std::uint32_t* words = out_.data() + base_ + indices;
      for_each_voxel(box, shape_, block_, [&](std::size_t at, std::size_t in_block) {
        const auto index = static_cast<std::uint32_t>(
            std::lower_bound(table.begin(), table.end(), labels[at]) - table.begin());
        const std::size_t bit = in_block * bits;
        words[bit / kWordBits] |= index << (bit % kWordBits);
      });
    }
    const std::size_t place = place_of(table);
    if (place > kMostTableOffset || indices > std::numeric_limits<std::uint32_t>::max()) {
      throw Error(ErrorKind::usage, Problem{.subject = "chunk of labels",
                                            .found = core::to_string(shape_) + " voxels",
                                            .expected = "fewer, for compressed_segmentation",
                                            .remedy = "choose smaller chunks, such as 64,64,64"});
    }
    out_[base_ + 2 * number] = static_cast<std::uint32_t>(place | bits << 24);
    out_[base_ + 2 * number + 1] = static_cast<std::uint32_t>(indices);
  }

  /// Offset of a table in the channel; blocks with the same labels share one.
  std::size_t place_of(const std::vector<T>& table) {
    const auto [it, is_new] = tables_.try_emplace(table, out_.size() - base_);
    if (is_new) {
      for (const T label : table) {
        for (std::size_t word = 0; word < sizeof(T) / 4; ++word) {
          out_.push_back(
              static_cast<std::uint32_t>(static_cast<std::uint64_t>(label) >> (kWordBits * word)));
        }
      }
    }
    return it->second;
  }

  core::Vec3 shape_;
  core::Vec3 block_;
  std::vector<std::uint32_t>& out_;
  std::size_t base_;
  std::map<std::vector<T>, std::size_t> tables_;
};

template <class T>
std::vector<std::uint32_t> encode_words(const core::Array& values, const core::Vec3& block) {
  const auto channels = static_cast<std::size_t>(values.channels());
  std::vector<std::uint32_t> words(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    words[c] = static_cast<std::uint32_t>(words.size());
    ChannelEncoder<T>(values.shape(), block, words)
        .encode(values.values<T>().data() + c * static_cast<std::size_t>(values.voxels()));
  }
  return words;
}

template <class T>
class ChannelDecoder {
 public:
  /// `words` begin with the channel.
  ChannelDecoder(std::span<const std::uint32_t> words, const core::Vec3& shape,
                 const core::Vec3& block)
      : words_(words), shape_(shape), block_(block) {}

  void decode(T* labels) const {
    const core::Vec3 grid = grid_of(shape_, block_);
    const auto blocks = static_cast<std::size_t>(grid[0] * grid[1] * grid[2]);
    if (words_.size() / 2 < blocks) {
      throw damaged_labels(fmt::format("{} words for {} blocks", words_.size(), blocks));
    }
    for_each_block(shape_, block_, [&](std::size_t number, const core::Box3& box) {
      decode_block(number, box, labels);
    });
  }

 private:
  void decode_block(std::size_t number, const core::Box3& box, T* labels) const {
    const std::uint32_t head = words_[2 * number];
    const std::size_t table = head & kMostTableOffset;
    const std::size_t bits = head >> 24;
    const std::size_t indices = words_[2 * number + 1];
    const core::Vec3& n = box.shape;
    const auto last = static_cast<std::size_t>(((n[0] - 1) * block_[1] + n[1] - 1) * block_[2] +
                                               n[2] - 1);  // of the voxels used
    const bool has_bits = bits == 0 || (std::has_single_bit(bits) && bits <= kWordBits);
    if (!has_bits || (bits > 0 && (indices > words_.size() ||
                                   words_.size() - indices <
                                       (last * bits + bits + kWordBits - 1) / kWordBits))) {
      throw damaged_labels(
          fmt::format("{} bits a voxel from word {} of {} on", bits, indices, words_.size()));
    }
    const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
    for_each_voxel(box, shape_, block_, [&](std::size_t at, std::size_t in_block) {
      std::uint64_t index = 0;
      if (bits > 0) {
        const std::size_t bit = in_block * bits;
        index = words_[indices + bit / kWordBits] >> (bit % kWordBits) & mask;
      }
      labels[at] = label_at(table + index * (sizeof(T) / 4));
    });
  }

  T label_at(std::size_t word) const {
    if (word + sizeof(T) / 4 > words_.size()) {
      throw damaged_labels(fmt::format("a label at word {} of {}", word, words_.size()));
    }
    std::uint64_t label = words_[word];
    if constexpr (sizeof(T) == 8) {
      label |= static_cast<std::uint64_t>(words_[word + 1]) << kWordBits;
    }
    return static_cast<T>(label);
  }

  std::span<const std::uint32_t> words_;
  core::Vec3 shape_;
  core::Vec3 block_;
};

template <class T>
void decode_words(std::span<const std::uint32_t> words, const core::Vec3& block,
                  core::Array& values) {
  for (std::size_t c = 0; c < static_cast<std::size_t>(values.channels()); ++c) {
    if (c >= words.size() || words[c] > words.size()) {
      throw damaged_labels(fmt::format("{} words without channel {}", words.size(), c));
    }
    ChannelDecoder<T>(words.subspan(words[c]), values.shape(), block)
        .decode(values.values<T>().data() + c * static_cast<std::size_t>(values.voxels()));
  }
}

}  // namespace

std::vector<std::byte> encode_compressed_segmentation(const core::Array& values,
                                                      const core::Vec3& block) {
  const std::vector<std::uint32_t> words = values.dtype() == core::DType::u32
                                               ? encode_words<std::uint32_t>(values, block)
                                               : encode_words<std::uint64_t>(values, block);
  std::vector<std::byte> bytes;
  bytes.reserve(words.size() * 4);
  for (const std::uint32_t word : words) {
    for (unsigned shift = 0; shift < kWordBits; shift += 8) {
      bytes.push_back(static_cast<std::byte>(word >> shift & 0xFFU));
    }
  }
  return bytes;
}

void decode_compressed_segmentation(std::span<const std::byte> encoded, const core::Vec3& block,
                                    core::Array& values) {
  if (encoded.size() % 4 != 0) {
    throw damaged_labels(fmt::format("{} bytes", encoded.size()));
  }
  std::vector<std::uint32_t> words(encoded.size() / 4);
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    words[i / 4] |= std::to_integer<std::uint32_t>(encoded[i]) << (8 * (i % 4));
  }
  if (values.dtype() == core::DType::u32) {
    decode_words<std::uint32_t>(words, block, values);
  } else {
    decode_words<std::uint64_t>(words, block, values);
  }
}

}  // namespace retina::store
