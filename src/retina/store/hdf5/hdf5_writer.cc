#include "retina/store/hdf5/hdf5_writer.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "retina/core/durable.h"
#include "retina/core/file.h"
#include "retina/core/lock.h"
#include "retina/core/progress.h"
#include "retina/core/sized_file.h"
#include "retina/store/axis_order.h"
#include "retina/store/hdf5/chunk_log.h"
#include "retina/store/hdf5/hdf5.h"
#include "retina/store/hdf5/hdf5_dataset.h"
#include "retina/store/output_place.h"
#include "retina/store/positioned_file.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDefaultDataset = "data";
constexpr const char* kAssembled = "assembled.h5";  ///< in the unfinished folder
constexpr std::int64_t kLargestChunkBytes = (std::int64_t{1} << 32) - 1;  // HDF5's limit
// for the file's own structures: as a whole, and for each chunk in its index
constexpr std::int64_t kSpareBytes = std::int64_t{1} << 20;
constexpr std::int64_t kSpareBytesOfAChunk = 256;
constexpr std::int64_t kCopiedAtOnce = std::int64_t{16} << 20;
/// The disk gets what was written bit by bit: a stop is not heard while it gets all at the end.
constexpr std::int64_t kSyncedAtOnce = std::int64_t{128} << 20;

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

/// Of a file that would be replaced as a whole: what it holds besides such an output.
void refuse_other_content(const OutputPlace& place) {
  if (!is_hdf5({.text = {}, .file = place.root, .inner = {}})) {
    return;
  }
  const std::string own = fmt::format("/{}", kDefaultDataset);
  std::vector<std::string> others;
  try {
    const Hdf5File file(place.root);
    others = file.names();
    if (file.node(own) == Hdf5File::Node::dataset) {
      std::erase(others, kDefaultDataset);
    }
  } catch (const Error& error) {
    throw error.within("what the output would replace cannot be told");
  }
  if (!others.empty()) {
    throw Error(ErrorKind::usage,
                Problem{.subject = fmt::format("output '{}'", place.root.string()),
                        .found = fmt::format("a file that also holds /{}{}", others.front(),
                                             others.size() > 1 ? ", ..." : ""),
                        .expected = "a new name, or an earlier output of this form alone",
                        .remedy = fmt::format("write '{}:{}' to keep the rest, or choose another "
                                              "output",
                                              place.root.string(), own)});
  }
}

/// Refuses what cannot become a dataset of the file: one below another dataset, in place of a
/// group, in place of a dataset unless that is wanted, and one in a file that is no HDF5 file; and
/// an output of its own in place of a file that holds more.
void refuse_dataset_place(const OutputPlace& place, bool may_replace) {
  if (!fs::exists(place.root)) {
    return;
  }
  if (place.inner.empty()) {
    return refuse_other_content(place);
  }
  const auto refusal = [&](std::string found, std::string remedy) {
    return Error(ErrorKind::usage, Problem{.subject = fmt::format("output '{}:/{}'",
                                                                  place.root.string(), place.inner),
                                           .found = std::move(found),
                                           .expected = "a new name",
                                           .remedy = std::move(remedy)});
  };
  const Hdf5File file(place.root);
  std::string above;
  for (const fs::path& part : fs::path(place.inner)) {
    if (!above.empty() && file.node(above) == Hdf5File::Node::dataset) {
      throw refusal(fmt::format("'{}' is a dataset, which holds no others", above),
                    "choose another output");
    }
    above += "/" + part.string();
  }
  const Hdf5File::Node node = file.node(above);
  if (node == Hdf5File::Node::group) {
    throw refusal("it is a group, with what lies in it", "choose another output");
  }
  if (node == Hdf5File::Node::dataset && !may_replace) {
    throw refusal("it exists already", "choose another output or pass --overwrite");
  }
}

/// Keeps all others from putting a dataset into the file; waits until they have.
core::OutputLock lock_for_assembly(const fs::path& file, const std::stop_token& stop) {
  constexpr auto kLongest = std::chrono::minutes(10);  // of copying a large file
  const auto end = std::chrono::steady_clock::now() + kLongest;
  while (std::chrono::steady_clock::now() < end) {
    core::check_stop(stop);
    if (std::optional<core::OutputLock> lock = core::OutputLock::attempt(file)) {
      return std::move(*lock);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return core::OutputLock(file);
}

/// In steps, because large files take minutes.
void copy_file(const fs::path& from, const fs::path& to, const std::stop_token& stop) {
  const PositionedFile source(from);
  const core::SizedFile target(to, 0);
  std::vector<std::byte> bytes;
  for (std::int64_t at = 0; at < source.size(); at += kCopiedAtOnce) {
    core::check_stop(stop);
    bytes.resize(static_cast<std::size_t>(std::min(kCopiedAtOnce, source.size() - at)));
    source.read(at, bytes);
    target.write(bytes, at);
    if ((at + kCopiedAtOnce) % kSyncedAtOnce == 0) {
      target.sync();
    }
  }
  fs::permissions(to, fs::status(from).permissions());
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
        place_(output_place(location)),
        may_replace_(options.overwrite),
        stop_(options.stop),
        filters_(standard_hdf5_filters(core::size_of(options.dtype))) {
    refuse_dataset_place(place_, may_replace_);
    info_.chunk = choose_hdf5_grid(options).chunk;
    chunk_ = {1, info_.chunk[0], info_.chunk[1], info_.chunk[2]};
    shape_ = {info_.channels, info_.shape[0], info_.shape[1], info_.shape[2]};
    for (std::size_t i = 0; i < 4; ++i) {
      cells_[i] = (shape_[i] + chunk_[i] - 1) / chunk_[i];
    }
    prepare_partial_folder(place_.partial, options);
    // from the start: a FinishRecord knows the finished file by it
    const core::SizedFile assembled(place_.partial / kAssembled);
    log_ = std::make_unique<ChunkLog>(place_.partial / "chunks",
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
    const std::lock_guard guard(finish_mutex_);
    if (log_ == nullptr) {
      return;
    }
    std::optional<core::OutputLock> lock;  // an output of its own holds it anyway
    if (!place_.inner.empty()) {
      lock = lock_for_assembly(place_.root, stop_);
    }
    refuse_dataset_place(place_, may_replace_);  // others may have written since
    const fs::path assembled = place_.partial / kAssembled;
    require_space(assembled);
    if (adds_to_file()) {
      copy_file(place_.root, assembled, stop_);
    }
    assemble(assembled);
    core::rename_into_place(assembled, place_.root);
    core::discard(place_.partial);
    reader_ = open_hdf5({.text = info_.source, .file = place_.root, .inner = dataset_name()}, {});
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
  std::string dataset_name() const { return place_.inner.empty() ? kDefaultDataset : place_.inner; }

  /// True if the file is there and keeps its other datasets.
  bool adds_to_file() const { return !place_.inner.empty() && fs::exists(place_.root); }

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
  void require_space(const fs::path& assembled) const {
    const std::int64_t needed = log_->bytes() + kSpareBytes + kSpareBytesOfAChunk * log_->filled() +
                                (adds_to_file() ? size_of_file(place_.root) : 0);
    try {
      if (core::SizedFile(assembled).has_room_for(needed)) {
        return;
      }
    } catch (const Error& error) {
      throw error.within(fmt::format("output '{}' cannot be put together", info_.source));
    }
    const auto available = static_cast<std::int64_t>(fs::space(place_.partial).available);
    if (available < needed) {
      throw Error(ErrorKind::resource,
                  Problem{.subject = fmt::format("output '{}'", info_.source),
                          .found = core::format_size(available) + " free",
                          .expected = core::format_size(needed) + " to put the file together",
                          .remedy = "free some space and run it again: nothing is lost"});
    }
  }

  void assemble(const fs::path& path) const {
    const Hdf5Lock lock;
    const Hdf5Handle file = open_hdf5_handle(
        adds_to_file() ? H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT)
                       : H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
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
    H5Pset_obj_track_times(creation.get(), false);  // equal volumes make equal files
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
    std::int64_t unsynced = 0;
    for_each_cell({{0, 0, 0, 0}, shape_}, chunk_, [&](const Index4& index) {
      core::check_stop(stop_);
      const auto stored = log_->get(number_of(index));
      if (!stored || stored->empty()) {
        return;
      }
      std::array<hsize_t, 4> start{};
      for (std::size_t i = 0; i < 4; ++i) {
        start[i] = static_cast<hsize_t>(index[i]) * static_cast<hsize_t>(chunk_[i]);
      }
      require_hdf5(H5Dwrite_chunk(
                       dataset, H5P_DEFAULT, skipped_hdf5_filters(stored->size(), chunk_bytes()),
                       start.data() + (info_.channels > 1 ? 0 : 1), stored->size(), stored->data()),
                   path, "a chunk cannot be written");
      unsynced += static_cast<std::int64_t>(stored->size());
      if (unsynced >= kSyncedAtOnce) {
        core::sync_file(path);
        unsynced = 0;
      }
    });
  }

  OutputPlace place_;
  bool may_replace_;
  std::stop_token stop_;
  std::vector<Hdf5Filter> filters_;
  Index4 chunk_{};
  Index4 shape_{};
  Index4 cells_{};
  std::unique_ptr<ChunkLog> log_;
  std::array<std::mutex, 64> mutexes_;  ///< a chunk belongs to one of them
  std::unique_ptr<core::Volume> reader_;
  std::mutex finish_mutex_;
};

}  // namespace

bool fits_hdf5(const Location& location) {
  return output_place(location).is_hdf5;
}

std::unique_ptr<OutputVolume> create_hdf5(const Location& location, const CreateOptions& options) {
  return std::make_unique<Hdf5Output>(location, options);
}

}  // namespace retina::store
