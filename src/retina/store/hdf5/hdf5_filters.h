#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace retina::store {

/// One step of a dataset's filter pipeline, in the order in which they were applied.
struct Hdf5Filter {
  int id = 0;                         ///< as registered with the HDF Group
  std::string name = {};              ///< as the file writes it; may be empty
  std::vector<unsigned> values = {};  ///< client data
};

/// True if decode_hdf5_chunk knows the filter: deflate, shuffle, fletcher32, lzf, blosc, zstd.
bool can_decode(const Hdf5Filter& filter);

/// "szip", "lz4", ...: what users call the filter.
std::string name_of_filter(const Hdf5Filter& filter);

/// The `size` bytes of a chunk from what is stored. Bit i of `skipped` says that filter i was not
/// applied. bad_data (without the file's name) if the bytes are damaged.
std::vector<std::byte> decode_hdf5_chunk(std::span<const std::byte> stored,
                                         const std::vector<Hdf5Filter>& filters,
                                         std::uint32_t skipped, std::size_t size);

/// Values of `value_size` bytes as shuffle and deflate (level 1) store them, or as they are where
/// that saves less than a tenth: raw EM, on which deflate is slow and gains next to nothing.
std::vector<std::byte> encode_hdf5_chunk(std::span<const std::byte> values, std::size_t value_size);

/// The filters that encode_hdf5_chunk skipped to make `stored` bytes of `size`; a bit for each.
std::uint32_t skipped_hdf5_filters(std::size_t stored, std::size_t size);

/// The pipeline that encode_hdf5_chunk applies.
std::vector<Hdf5Filter> standard_hdf5_filters(std::size_t value_size);

}  // namespace retina::store
