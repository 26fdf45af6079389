#include "retina/store/hdf5/hdf5_writer.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "retina/core/file.h"
#include "retina/store/axis_order.h"
#include "retina/store/hdf5/chunk_log.h"
#include "retina/store/hdf5/hdf5.h"
#include "retina/store/hdf5/hdf5_dataset.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDefaultDataset = "data";
constexpr std::int64_t kLargestChunkBytes = (std::int64_t{1} << 32) - 1;  // HDF5's limit
constexpr std::uintmax_t kSpareBytes = std::uintmax_t{1} << 20;  // for the file's own structures

struct Hdf5Grid {
  core::Vec3 chunk;
  core::Vec3 unit;
};

/// Chunks of 32 x 64 x 64 (256 squared for one slice): 1 MiB or less, which is what readers in
/// Python keep by default; units of 512 x 512 in y and x, so that rows of chunks are written
/// together.
Hdf5Grid choose_hdf5_grid(const CreateOptions& options) {
  const bool is_plane = options.shape[0] == 1;
  Hdf5Grid grid{.chunk = is_plane ? core::Vec3{1, 256, 256} : core::Vec3{32, 64, 64},
                .unit = is_plane ? core::Vec3{1, 512, 512} : core::Vec3{32, 512, 512}};
  for (std::size_t i = 0; i < 3; ++i) {
    grid.chunk[i] = options.chunk[i] > 0 ? options.chunk[i] : grid.chunk[i];
    grid.chunk[i] = std::min(grid.chunk[i], options.shape[i]);
    grid.unit[i] = options.shard[i] > 0 ? options.shard[i] : grid.unit[i];
    grid.unit[i] = std::min(grid.unit[i], options.shape[i]);
    grid.unit[i] = (grid.unit[i] + grid.chunk[i] - 1) / grid.chunk[i] * grid.chunk[i];
  }
  const auto size = static_cast<std::int64_t>(core::size_of(options.dtype));
  if (core::whole(grid.chunk).voxels() > kLargestChunkBytes / size) {
    throw Error(ErrorKind::usage, Problem{.subject = "chunk",
                                          .found = core::to_string(grid.chunk),
                                          .expected = "less than 4 GiB, as HDF5 requires"});
  }
  return grid;
}

fs::path hdf5_partial(const Location& location) {
  std::string name = location.file.filename().string();
  for (const char c : location.inner.empty() ? std::string() : "/" + location.inner) {
    name += c == '/' ? '.' : c;
  }
  return core::partial_path(location.file.parent_path() / name);
}

/// Refuses a dataset that exists, and a file that is no HDF5 file.
void refuse_existing_dataset(const Location& location, const CreateOptions& options) {
  if (location.inner.empty() || !fs::exists(location.file)) {
    return;
  }
  if (Hdf5File(location.file).node("/" + location.inner) != Hdf5File::Node::nothing &&
      !options.overwrite) {
    throw Error(ErrorKind::usage, Problem{.subject = fmt::format("output '{}'", location.text),
                                          .found = "it exists already",
                                          .expected = "a new name",
                                          .remedy = "choose another output or pass --overwrite"});
  }
}

/// The content must not be lost after the name is there.
void sync_file(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool is_synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  const std::string reason = std::strerror(errno);
  if (descriptor >= 0) {
    ::close(descriptor);
  }
  if (!is_synced) {
    throw Error(ErrorKind::resource, Problem{.subject = fmt::format("'{}'", path.string()),
                                             .found = fmt::format("writing failed: {}", reason),
                                             .expected = "space on the disk",
                                             .remedy = "free some space or write elsewhere"});
  }
}

void write_numbers(hid_t dataset, const char* name, const core::Vec3d& values,
                   const fs::path& file) {
  const hsize_t count = values.size();
  const Hdf5Handle space =
      open_hdf5_handle(H5Screate_simple(1, &count, nullptr), H5Sclose, file, name);
  const Hdf5Handle attribute = open_hdf5_handle(
      H5Acreate2(dataset, name, H5T_IEEE_F64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
      file, name);
  require_hdf5(H5Awrite(attribute.get(), H5T_NATIVE_DOUBLE, values.data()), file, name);
}

void write_texts(hid_t dataset, const char* name, std::vector<const char*> texts,
                 const fs::path& file) {
  const hsize_t count = texts.size();
  const Hdf5Handle type = open_hdf5_handle(H5Tcopy(H5T_C_S1), H5Tclose, file, name);
  H5Tset_size(type.get(), H5T_VARIABLE);
  const Hdf5Handle space =
      open_hdf5_handle(count == 1 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, nullptr),
                       H5Sclose, file, name);
  const Hdf5Handle attribute =
      open_hdf5_handle(H5Acreate2(dataset, name, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT),
                       H5Aclose, file, name);
  require_hdf5(H5Awrite(attribute.get(), type.get(), texts.data()), file, name);
}

class Hdf5Output final : public OutputVolume {
 public:
  Hdf5Output(const Location& location, const CreateOptions& options)
      : OutputVolume(output_info(location.text, "hdf5", options), choose_hdf5_grid(options).unit),
        location_(location),
        partial_(hdf5_partial(location)),
        filters_(standard_hdf5_filters(core::size_of(options.dtype))) {
    refuse_existing_dataset(location, options);
    info_.chunk = choose_hdf5_grid(options).chunk;
    chunk_ = {1, info_.chunk[0], info_.chunk[1], info_.chunk[2]};
    shape_ = {info_.channels, info_.shape[0], info_.shape[1], info_.shape[2]};
    for (std::size_t i = 0; i < 4; ++i) {
      cells_[i] = (shape_[i] + chunk_[i] - 1) / chunk_[i];
    }
    prepare_partial_folder(partial_, options);
    log_ = std::make_unique<ChunkLog>(partial_ / "chunks",
                                      cells_[0] * cells_[1] * cells_[2] * cells_[3]);
  }

  bool is_written(const core::Box3& box) const override {
    if (log_ == nullptr) {
      return true;
    }
    bool is_complete = true;
    for_each_cell(with_channels(box, info_.channels), chunk_, [&](const Index4& index) {
      is_complete = is_complete && log_->has(number_of(index));
    });
    return is_complete;
  }

  void finish() override {
    static std::mutex mutex;  // two datasets of one file must not each take the file they found
    const std::lock_guard lock(mutex);
    if (log_ == nullptr) {
      return;
    }
    const fs::path assembled = partial_ / "assembled.h5";
    fs::remove(assembled);
    require_space();
    if (!location_.inner.empty() && fs::exists(location_.file)) {
      fs::copy_file(location_.file, assembled);
    }
    assemble(assembled);
    sync_file(assembled);
    core::rename_into_place(assembled, location_.file);
    fs::remove_all(partial_);
    reader_ =
        open_hdf5({.text = info_.source, .file = location_.file, .inner = dataset_name()}, {});
    log_.reset();
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    if (reader_ != nullptr) {
      return reader_->read(box);
    }
    const Block4 block = with_channels(box, info_.channels);
    core::Array values = make_array(info_.dtype, block.shape);
    for_each_cell(block, chunk_, [&](const Index4& index) {
      copy_block(read_logged(index), cell_block(index, chunk_).start, values, block.start);
    });
    return values;
  }

  void write_box(const core::Box3& box, const core::Array& values) override {
    if (log_ == nullptr) {
      throw Error(ErrorKind::usage,
                  Problem{.subject = info_.source, .found = "written after finish()"});
    }
    const Block4 block = with_channels(box, info_.channels);
    for_each_cell(block, chunk_, [&](const Index4& index) {
      const std::int64_t number = number_of(index);
      const Block4 cell = cell_block(index, chunk_);
      const Block4 inside = intersect(cell, {{0, 0, 0, 0}, shape_});
      const std::lock_guard lock(mutexes_[static_cast<std::size_t>(number) % mutexes_.size()]);
      core::Array chunk =
          intersect(block, inside) == inside ? make_array(info_.dtype, chunk_) : read_logged(index);
      copy_block(values, block.start, chunk, cell.start);
      log_->put(number, encode(chunk));
    });
  }

 private:
  std::string dataset_name() const {
    return location_.inner.empty() ? kDefaultDataset : location_.inner;
  }

  std::size_t chunk_bytes() const {
    return static_cast<std::size_t>(core::whole(info_.chunk).voxels()) * core::size_of(info_.dtype);
  }

  std::int64_t number_of(const Index4& index) const {
    return ((index[0] * cells_[1] + index[1]) * cells_[2] + index[2]) * cells_[3] + index[3];
  }

  /// Nothing for a chunk of zeros: the file's fill value.
  std::vector<std::byte> encode(const core::Array& chunk) const {
    const auto bytes = chunk.bytes();
    if (std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; })) {
      return {};
    }
    return encode_hdf5_chunk(bytes, core::size_of(info_.dtype));
  }

  core::Array read_logged(const Index4& index) const {
    core::Array chunk = make_array(info_.dtype, chunk_);
    const auto stored = log_->get(number_of(index));
    if (stored && !stored->empty()) {
      const auto bytes = decode_hdf5_chunk(
          *stored, filters_, skipped_hdf5_filters(stored->size(), chunk_bytes()), chunk_bytes());
      std::copy(bytes.begin(), bytes.end(), chunk.bytes().begin());
    }
    return chunk;
  }

  /// Before the file is begun: HDF5 does not recover well from a full disk.
  void require_space() const {
    std::uintmax_t needed = static_cast<std::uintmax_t>(log_->bytes()) + kSpareBytes;
    if (!location_.inner.empty() && fs::exists(location_.file)) {
      needed += fs::file_size(location_.file);
    }
    const std::uintmax_t available = fs::space(partial_).available;
    if (available < needed) {
      throw Error(
          ErrorKind::resource,
          Problem{.subject = fmt::format("output '{}'", location_.text),
                  .found = core::format_size(static_cast<std::int64_t>(available)) + " free",
                  .expected = core::format_size(static_cast<std::int64_t>(needed)) +
                              " to put the file together",
                  .remedy = "free some space and run it again: nothing is lost"});
    }
  }

  void assemble(const fs::path& path) const {
    const Hdf5Lock lock;
    const Hdf5Handle file = open_hdf5_handle(
        fs::exists(path) ? H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT)
                         : H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT),
        H5Fclose, path, "it cannot be written");
    const std::string name = "/" + dataset_name();
    if (const Hdf5Handle old(H5Oopen(file.get(), name.c_str(), H5P_DEFAULT), H5Oclose);
        old.is_open()) {
      require_hdf5(H5Ldelete(file.get(), name.c_str(), H5P_DEFAULT), path,
                   "the earlier dataset cannot be removed");
    }
    {
      const Hdf5Handle dataset = create_dataset(file.get(), name, path);
      write_attributes(dataset.get(), path);
      write_chunks(dataset.get(), path);
    }
    require_hdf5(H5Fflush(file.get(), H5F_SCOPE_GLOBAL), path, "it cannot be written");
  }

  Hdf5Handle create_dataset(hid_t file, const std::string& name, const fs::path& path) const {
    const bool has_channels = info_.channels > 1;
    const int rank = has_channels ? 4 : 3;
    std::array<hsize_t, 4> sides{};
    std::array<hsize_t, 4> chunk{};
    for (std::size_t i = 0; i < 4; ++i) {
      sides[i] = static_cast<hsize_t>(shape_[i]);
      chunk[i] = static_cast<hsize_t>(chunk_[i]);
    }
    const std::size_t first = has_channels ? 0 : 1;
    const Hdf5Handle space = open_hdf5_handle(H5Screate_simple(rank, sides.data() + first, nullptr),
                                              H5Sclose, path, name);
    const Hdf5Handle creation =
        open_hdf5_handle(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, path, name);
    H5Pset_chunk(creation.get(), rank, chunk.data() + first);
    for (const Hdf5Filter& filter : filters_) {
      if (filter.id == H5Z_FILTER_SHUFFLE) {
        H5Pset_shuffle(creation.get());
      } else {
        H5Pset_deflate(creation.get(), filter.values.front());
      }
    }
    const Hdf5Handle linking = open_hdf5_handle(H5Pcreate(H5P_LINK_CREATE), H5Pclose, path, name);
    H5Pset_create_intermediate_group(linking.get(), 1);
    return open_hdf5_handle(H5Dcreate2(file, name.c_str(), hdf5_memory_type(info_.dtype),
                                       space.get(), linking.get(), creation.get(), H5P_DEFAULT),
                            H5Dclose, path, fmt::format("dataset '{}' cannot be made", name));
  }

  void write_attributes(hid_t dataset, const fs::path& path) const {
    if (info_.channels > 1) {
      write_texts(dataset, "DIMENSION_LABELS", {"c", "z", "y", "x"}, path);
    } else {
      write_texts(dataset, "DIMENSION_LABELS", {"z", "y", "x"}, path);
    }
    if (info_.voxel_nm) {
      write_numbers(dataset, "resolution", *info_.voxel_nm, path);
      write_numbers(dataset, "offset", info_.offset_nm, path);
      write_texts(dataset, "units", {"nm"}, path);
    }
  }

  void write_chunks(hid_t dataset, const fs::path& path) const {
    for_each_cell({{0, 0, 0, 0}, shape_}, chunk_, [&](const Index4& index) {
      const auto stored = log_->get(number_of(index));
      if (!stored || stored->empty()) {
        return;
      }
      std::array<hsize_t, 4> start{};
      for (std::size_t i = 0; i < 4; ++i) {
        start[i] = static_cast<hsize_t>(index[i] * chunk_[i]);
      }
      require_hdf5(H5Dwrite_chunk(
                       dataset, H5P_DEFAULT, skipped_hdf5_filters(stored->size(), chunk_bytes()),
                       start.data() + (info_.channels > 1 ? 0 : 1), stored->size(), stored->data()),
                   path, "a chunk cannot be written");
    });
  }

  Location location_;
  fs::path partial_;
  std::vector<Hdf5Filter> filters_;
  Index4 chunk_{};
  Index4 shape_{};
  Index4 cells_{};
  std::unique_ptr<ChunkLog> log_;
  std::array<std::mutex, 64> mutexes_;  ///< a chunk belongs to one of them
  std::unique_ptr<core::Volume> reader_;
};

}  // namespace

bool fits_hdf5(const Location& location) {
  const std::string extension = extension_of(location.file);
  return extension == ".h5" || extension == ".hdf5" || extension == ".hdf";
}

std::unique_ptr<OutputVolume> create_hdf5(const Location& location, const CreateOptions& options) {
  return std::make_unique<Hdf5Output>(location, options);
}

}  // namespace retina::store
