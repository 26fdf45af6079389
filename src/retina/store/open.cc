#include "retina/store/open.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/core/lock.h"
#include "retina/core/replace_folder.h"
#include "retina/core/slabs.h"
#include "retina/store/location.h"
#include "retina/store/output_place.h"
#include "retina/store/pack/pack.h"
#include "retina/store/pack/pack_output.h"
#include "retina/store/problem.h"

#if RETINA_WITH_IO
#include "retina/store/hdf5/hdf5.h"
#include "retina/store/hdf5/hdf5_writer.h"
#include "retina/store/image/image_volume.h"
#include "retina/store/image_folder/image_folder.h"
#include "retina/store/image_folder/image_folder_writer.h"
#include "retina/store/mha/mha.h"
#include "retina/store/mrc/mrc.h"
#include "retina/store/n5/n5.h"
#include "retina/store/nifti/nifti.h"
#include "retina/store/nrrd/nrrd.h"
#include "retina/store/nrrd/nrrd_writer.h"
#include "retina/store/precomputed/precomputed.h"
#include "retina/store/precomputed/precomputed_writer.h"
#include "retina/store/tiff/tiff.h"
#include "retina/store/tiff/tiff_writer.h"
#include "retina/store/zarr/ome_zarr.h"
#include "retina/store/zarr/ome_zarr_writer.h"
#endif

namespace retina::store {

namespace fs = std::filesystem;

namespace {

/// One format that can be opened. The first in the table that recognises a place opens it.
struct Reader {
  std::string_view name;
  bool (*recognises)(const Location&);
  std::unique_ptr<core::Volume> (*open)(const Location&, const OpenOptions&);
  /// Of containers: the paths inside that can be opened, "" for the place itself.
  std::vector<std::string> (*datasets)(const Location&) = nullptr;
  bool is_of_loose_files = false;  ///< a folder whose files are images of their own too
  bool is_decoded_whole = false;   ///< its file is closed again after each read
};

/// What a form of output honours of CreateOptions; a choice of the rest is refused.
struct Choices {
  bool chunk = false;
  bool shard = false;
  bool pyramid = false;
  bool compression = false;
  bool zarr_version = false;
};

/// One form of output; the first in the table whose extension fits makes it.
struct Writer {
  std::string_view name;
  bool (*fits)(const Location&);
  std::unique_ptr<OutputVolume> (*create)(const Location&, const CreateOptions&);
  Choices takes = {};
  /// Of forms that are folders: what else a folder holds that would be replaced.
  std::vector<std::string> (*foreign)(const fs::path&, const CreateOptions&) = nullptr;
};

bool fits_pack(const Location& location) {
  return extension_of(location.file) == ".pack";
}

#if RETINA_WITH_IO
// one format a line
// clang-format off
constexpr Reader kReaders[] = {
    {"pack", is_pack, open_pack, pack_datasets},
    {"OME-Zarr, zarr", is_zarr, open_zarr, zarr_datasets},
    {"N5", is_n5, open_n5, n5_datasets},
    {"TIFF", is_tiff, open_tiff},
    {"PNG, JPEG", is_still_image, open_still_image, nullptr, false, true},
    {"HDF5", is_hdf5, open_hdf5, hdf5_datasets},
    {"NRRD", is_nrrd, open_nrrd},
    {"MetaImage", is_mha, open_mha},
    {"Neuroglancer precomputed", is_precomputed, open_precomputed},
    {"MRC", is_mrc, open_mrc},
    {"NIfTI", is_nifti, open_nifti},
    {"folder of slices", is_image_folder, open_image_folder, nullptr, true},
};
// clang-format on

bool fits_nrrd(const Location& location) {
  return extension_of(location.file) == ".nrrd";
}

bool fits_tif(const Location& location) {
  return extension_of(location.file) == ".tif";
}

bool fits_tiff(const Location& location) {
  return extension_of(location.file) == ".tiff";
}

bool fits_png(const Location& location) {
  return extension_of(location.file) == ".png";
}

bool fits_folder(const Location& location) {
  return extension_of(location.file).empty();
}

constexpr Choices kZarrChoices{
    .chunk = true, .shard = true, .pyramid = true, .compression = true, .zarr_version = true};
constexpr Choices kHdf5Choices{.chunk = true, .shard = true};
/// The writer refuses shards itself, together with all else that it cannot hold.
constexpr Choices kPrecomputedChoices{.chunk = true, .shard = true, .pyramid = true};
constexpr Choices kTiffChoices{.compression = true};

constexpr Writer kWriters[] = {
    {".zarr", fits_zarr, create_ome_zarr, kZarrChoices, foreign_in_ome_zarr},
    {".pack", fits_pack, create_pack, {}, foreign_in_pack},
    {".h5", fits_hdf5, create_hdf5, kHdf5Choices},
    {".nrrd", fits_nrrd, create_nrrd},
    {".precomputed", fits_precomputed, create_precomputed, kPrecomputedChoices,
     foreign_in_precomputed},
    {".tif", fits_tif, create_tiff, kTiffChoices},
    {".tiff", fits_tiff, create_tiff, kTiffChoices},
    {".png", fits_png, create_png},
    {"a folder name without extension",
     fits_folder,
     create_image_folder,
     {},
     foreign_in_image_folder},
};
#else
constexpr Reader kReaders[] = {{"pack", is_pack, open_pack, pack_datasets}};
constexpr Writer kWriters[] = {{".pack", fits_pack, create_pack, {}, foreign_in_pack}};
#endif

#if RETINA_WITH_IO
constexpr std::string_view kBuildNote;
#else
constexpr std::string_view kBuildNote =
    "this build has no container formats (RETINA_WITH_IO=OFF): make a pack of PNG, JPEG, TIFF or "
    "OME-Zarr data with `retina pack` on a machine with a full build";
#endif

[[noreturn]] void fail_unknown(const Location& location) {
  require_readable(location.file);  // else it would be recognised by nobody
  const bool is_folder = fs::is_directory(location.file);
  std::string remedy(kBuildNote);
  if (remedy.empty()) {
    remedy = is_folder ? "name a folder that holds image files, or the file itself"
                       : "convert the file to one of these";
  }
  throw bad_file(location.file, is_folder ? "a folder without any image" : "no known format",
                 fmt::format("one of: {}", fmt::join(format_names(), ", ")), remedy);
}

/// Whoever chooses something expects it in the file: what would do nothing is refused.
void refuse_idle_choices(const std::string& path, const Writer& writer,
                         const CreateOptions& options) {
  const core::Vec3 unset{0, 0, 0};
  const Choices& takes = writer.takes;
  const std::pair<std::string_view, bool> choices[] = {
      {"chunk", options.chunk != unset && !takes.chunk},
      {"shard", options.shard != unset && !takes.shard},
      {"pyramid", options.pyramid_levels > 0 && !takes.pyramid},
      {"compression", options.compression != Compression::automatic && !takes.compression},
      {"zarr_version", options.zarr_version != ZarrVersion::v0_5 && !takes.zarr_version}};
  std::vector<Problem> problems;
  for (const auto& [name, is_idle] : choices) {
    if (is_idle) {
      problems.push_back({.subject = fmt::format("output '{}'", path),
                          .found = fmt::format("a choice of {}", name),
                          .expected = fmt::format("none: {} leaves no choice", writer.name),
                          .remedy = "leave it out, or write .zarr"});
    }
  }
  throw_if_any(ErrorKind::usage, fmt::format("output '{}' cannot be made", path), problems);
}

/// Throws usage for what may not be replaced: an output that exists, unless that is wanted, and a
/// folder of anything else. Datasets of a file are the business of its format.
void refuse_in_the_way(const OutputPlace& place, const Writer& writer,
                       const CreateOptions& options) {
  if (place.is_hdf5 && !place.inner.empty()) {
    return;
  }
  refuse_existing(place.final_path, options);
  refuse_other_kind(place.final_path, writer.foreign != nullptr);
  if (writer.foreign != nullptr && fs::is_directory(place.final_path)) {
    refuse_foreign(place.final_path, writer.foreign(place.final_path, options));
  }
}

/// usage for "output:c=N": a channel alone is read, never written.
void refuse_channel(const Location& location) {
  if (location.channel) {
    throw Error(ErrorKind::usage,
                Problem{.subject = fmt::format("output '{}'", location.text),
                        .found = fmt::format("channel {} of it is asked for", *location.channel),
                        .expected = "an output that takes all channels",
                        .remedy = "leave out c="});
  }
}

/// usage for "container:path" where the form of output holds one image.
void refuse_inner_output(const OutputPlace& place) {
  if (!place.inner.empty() && !place.is_zarr && !place.is_hdf5) {
    throw Error(ErrorKind::usage,
                Problem{.subject = fmt::format("output '{}'", place.root.string()),
                        .found = fmt::format("'{}' inside it is asked for", place.inner),
                        .expected = "an output that holds one image",
                        .remedy = "leave out what follows the colon, or write .zarr or .h5"});
  }
}

/// Sizes whose product does not fit 63 bits are a lie, and would overflow in everybody's loops.
void require_countable(const core::VolumeInfo& info) {
  std::int64_t bytes = static_cast<std::int64_t>(core::size_of(info.dtype));
  for (const std::int64_t side :
       {static_cast<std::int64_t>(info.channels), info.shape[0], info.shape[1], info.shape[2]}) {
    if (side < 1 || __builtin_mul_overflow(bytes, side, &bytes)) {
      throw bad_file(info.source,
                     fmt::format("a size of {} with {} channel(s)", core::to_string(info.shape),
                                 info.channels),
                     "a size that can be", "the file is damaged: get a fresh copy");
    }
  }
}

/// A volume whose voxel size the user stated.
class WithVoxelSize final : public core::Volume {
 public:
  WithVoxelSize(std::unique_ptr<core::Volume> volume, const core::Vec3d& voxel_nm)
      : Volume(volume->info()), volume_(std::move(volume)) {
    info_.voxel_nm = voxel_nm;
    info_.voxel_nm_source = kGivenByUser;
  }

 protected:
  core::Array read_box(const core::Box3& box) const override { return volume_->read(box); }

 private:
  std::unique_ptr<core::Volume> volume_;
};

/// One channel of a volume.
class OneChannel final : public core::Volume {
 public:
  OneChannel(std::unique_ptr<core::Volume> volume, const std::string& source, int channel)
      : Volume(volume->info()), volume_(std::move(volume)), channel_(channel) {
    info_.source = source;  // what tells it from the other channels
    if (channel_ >= info_.channels) {
      throw bad_file(info_.source, fmt::format("{} channel(s)", info_.channels),
                     fmt::format("channel {}, counted from 0", channel_),
                     "name one that is there, or leave out c=");
    }
    info_.channels = 1;
    std::erase(info_.axes, 'c');
  }

 protected:
  /// A part at a time, as all channels are read for one.
  core::Array read_box(const core::Box3& box) const override {
    constexpr std::int64_t kMostVoxels = std::int64_t{1} << 22;
    core::Array values(info_.dtype, 1, box.shape);
    core::for_each_slab(box.shape, info_.chunk, kMostVoxels / volume_->info().channels,
                        [&](core::Box3 slab) {
                          for (std::size_t a = 0; a < 3; ++a) {
                            slab.start[a] += box.start[a];
                          }
                          core::copy_overlap(core::channel_of(volume_->read(slab), channel_),
                                             slab.start, values, box.start);
                        });
    return values;
  }

 private:
  std::unique_ptr<core::Volume> volume_;
  int channel_;
};

/// The reader that is asked for a place; null where none recognises it.
const Reader* reader_of(const Location& location) {
  const auto* found =
      std::find_if(std::begin(kReaders), std::end(kReaders),
                   [&](const Reader& reader) { return reader.recognises(location); });
  return found == std::end(kReaders) ? nullptr : found;
}

}  // namespace

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const Reader& reader : kReaders) {
    names.emplace_back(reader.name);
  }
  return names;
}

std::unique_ptr<core::Volume> open(const std::string& path, const OpenOptions& options) {
  const Location location = parse_location(path);
  const Reader* reader = reader_of(location);
  if (reader == nullptr && !fs::exists(location.file)) {
    throw bad_file(path, "no such file or folder", "an image, a folder of images or a container",
                   "check the path");
  }
  if (reader == nullptr) {
    fail_unknown(location);
  }
  auto volume = reader->open(location, options);
  require_countable(volume->info());
  if (location.channel) {
    volume = std::make_unique<OneChannel>(std::move(volume), path, *location.channel);
  }
  if (options.voxel_nm) {
    return std::make_unique<WithVoxelSize>(std::move(volume), *options.voxel_nm);
  }
  return volume;
}

std::vector<std::string> list_datasets(const std::string& path) {
  const Location location = parse_location(path);
  const Reader* reader = reader_of(location);
  if (reader == nullptr) {
    return {};
  }
  return reader->datasets == nullptr || location.channel ? std::vector<std::string>{""}
                                                         : reader->datasets(location);
}

bool is_recognised(const std::string& path) {
  return reader_of(parse_location(path)) != nullptr;
}

bool is_container(const std::string& path) {
  const Location location = parse_location(path);
  if (!fs::is_directory(location.file)) {
    return false;
  }
  const Reader* reader = reader_of(location);
  return reader != nullptr && !reader->is_of_loose_files;
}

bool keeps_file_open(const std::string& path) {
  const Location location = parse_location(path);
  if (!fs::is_regular_file(location.file)) {
    return false;
  }
  const Reader* reader = reader_of(location);
  return reader != nullptr && !reader->is_decoded_whole;
}

bool can_create(const std::string& path) {
  const Location location = parse_location(path);
  return std::any_of(std::begin(kWriters), std::end(kWriters),
                     [&](const Writer& writer) { return writer.fits(location); });
}

std::unique_ptr<OutputVolume> create(const std::string& path, const CreateOptions& options) {
  throw_if_any(ErrorKind::usage, fmt::format("output '{}' cannot be made", path),
               options.validate());
  const Location location = parse_location(path);
  refuse_channel(location);
  std::vector<std::string> known;
  for (const Writer& writer : kWriters) {
    if (writer.fits(location)) {
      refuse_idle_choices(path, writer, options);
      const OutputPlace place = output_place(location);
      refuse_inner_output(place);
      core::OutputLock lock(place.beside);  // first: what is there must not change any more
      if (writer.foreign != nullptr) {
        core::recover_replaced(place.final_path);
      }
      refuse_in_the_way(place, writer, options);
      auto output = writer.create(location, options);
      output->hold(std::move(lock));
      return output;
    }
    known.emplace_back(writer.name);
  }
  throw Error(ErrorKind::usage,
              Problem{.subject = fmt::format("output '{}'", path),
                      .found = fmt::format("extension '{}'", extension_of(location.file)),
                      .expected = fmt::format("one of: {}", fmt::join(known, ", ")),
                      .remedy = std::string(kBuildNote)});
}

}  // namespace retina::store
