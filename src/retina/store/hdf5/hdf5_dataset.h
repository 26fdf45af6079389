#pragma once

#include <bit>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/dtype.h"
#include "retina/store/hdf5/hdf5_filters.h"
#include "retina/store/hdf5/hdf5_handle.h"
#include "retina/store/hdf5/hdf5_metadata.h"

namespace retina::store {

/// An HDF5 file open for reading, under Hdf5Lock(path).
class Hdf5File {
 public:
  explicit Hdf5File(std::filesystem::path path);
  ~Hdf5File();
  Hdf5File(const Hdf5File&) = delete;
  Hdf5File& operator=(const Hdf5File&) = delete;

  const std::filesystem::path& path() const { return path_; }
  hid_t id() const { return file_.get(); }

  enum class Node { nothing, group, dataset };
  Node node(const std::string& name) const;

  /// What lies at the root, by name.
  std::vector<std::string> names() const;

  /// The datasets under a group that may be images, by their path from the root: numbers in 2 to 5
  /// dimensions; tables of fewer than 16 columns or rows are none.
  std::vector<std::string> image_datasets(const std::string& group) const;

 private:
  std::filesystem::path path_;
  Hdf5Handle file_;
};

/// How the values of a dataset are stored.
struct Hdf5Layout {
  core::DType dtype = core::DType::u8;
  std::vector<std::int64_t> sides;  ///< slowest first
  std::vector<std::int64_t> chunk;  ///< of each axis; empty = not chunked
  std::vector<Hdf5Filter> filters;
  std::vector<std::byte> fill;              ///< one value, in this machine's byte order
  std::optional<std::int64_t> data_offset;  ///< all values lie dense from here in the file
  std::endian byte_order = std::endian::little;
  bool needs_library = false;  ///< chunks are decoded by the library, for what is not decoded here

  std::size_t chunk_bytes() const;
};

/// A dataset of numbers. Every call takes the lock of the library.
class Hdf5Dataset {
 public:
  /// bad_data if it is no array of numbers of a supported type, or a compression is not supported.
  Hdf5Dataset(const Hdf5File& file, std::string name);
  ~Hdf5Dataset();
  Hdf5Dataset(const Hdf5Dataset&) = delete;
  Hdf5Dataset& operator=(const Hdf5Dataset&) = delete;

  const Hdf5Layout& layout() const { return layout_; }
  Hdf5Attributes attributes() const;

  /// A chunk as it is stored, by the index of its first element along each axis.
  struct StoredChunk {
    std::vector<std::byte> bytes;
    std::uint32_t skipped_filters = 0;
  };
  /// Empty if the chunk was never written.
  std::optional<StoredChunk> stored_chunk(const std::vector<std::int64_t>& start) const;

  /// Values of a block in the order of the dataset, decoded by the library.
  std::vector<std::byte> read(const std::vector<std::int64_t>& start,
                              const std::vector<std::int64_t>& count) const;

 private:
  Hdf5Dataset(std::filesystem::path path, std::string name);
  void describe_type();
  void describe_shape();
  void describe_storage(const Hdf5File& file);
  void describe_filters(hid_t creation);
  std::string subject() const;

  std::filesystem::path path_;
  std::string name_;
  std::int64_t file_bytes_ = 0;
  Hdf5Handle dataset_;
  Hdf5Handle memory_type_;
  Hdf5Layout layout_;
};

/// The HDF5 type of a dtype in memory.
hid_t hdf5_memory_type(core::DType dtype);

}  // namespace retina::store
