#include "retina/store/open.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/store/location.h"
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
};

/// One form of output; the first in the table whose extension fits makes it.
struct Writer {
  std::string_view name;
  bool (*fits)(const Location&);
  std::unique_ptr<OutputVolume> (*create)(const Location&, const CreateOptions&);
};

bool fits_pack(const Location& location) {
  return extension_of(location.file) == ".pack";
}

#if RETINA_WITH_IO
// one format a line
// clang-format off
constexpr Reader kReaders[] = {
    {"pack", is_pack, open_pack},
    {"OME-Zarr", is_zarr, open_zarr},
    {"TIFF", is_tiff, open_tiff},
    {"PNG, JPEG", is_still_image, open_still_image},
    {"HDF5", is_hdf5, open_hdf5},
    {"NRRD", is_nrrd, open_nrrd},
    {"MetaImage", is_mha, open_mha},
    {"Neuroglancer precomputed", is_precomputed, open_precomputed},
    {"MRC", is_mrc, open_mrc},
    {"NIfTI", is_nifti, open_nifti},
    {"folder of slices", is_image_folder, open_image_folder},
};
// clang-format on

constexpr Writer kWriters[] = {
    {".zarr", fits_zarr, create_ome_zarr},
    {".pack", fits_pack, create_pack},
    {".h5", fits_hdf5, create_hdf5},
    {".nrrd", [](const Location& l) { return extension_of(l.file) == ".nrrd"; }, create_nrrd},
    {".precomputed", fits_precomputed, create_precomputed},
    {".tif", [](const Location& l) { return extension_of(l.file) == ".tif"; }, create_tiff},
    {".tiff", [](const Location& l) { return extension_of(l.file) == ".tiff"; }, create_tiff},
    {".png", [](const Location& l) { return extension_of(l.file) == ".png"; }, create_png},
    {"a folder name without extension",
     [](const Location& l) { return extension_of(l.file).empty(); }, create_image_folder},
};
#else
constexpr Reader kReaders[] = {{"pack", is_pack, open_pack}};
constexpr Writer kWriters[] = {{".pack", fits_pack, create_pack}};
#endif

#if RETINA_WITH_IO
constexpr std::string_view kBuildNote;
#else
constexpr std::string_view kBuildNote =
    "this build has no container formats (RETINA_WITH_IO=OFF): make a pack of PNG, JPEG, TIFF or "
    "OME-Zarr data with `retina pack` on a machine with a full build";
#endif

[[noreturn]] void fail_unknown(const Location& location) {
  const bool is_folder = fs::is_directory(location.file);
  std::string remedy(kBuildNote);
  if (remedy.empty()) {
    remedy = is_folder ? "name a folder that holds image files, or the file itself"
                       : "convert the file to one of these";
  }
  throw bad_file(location.file, is_folder ? "a folder without any image" : "no known format",
                 fmt::format("one of: {}", fmt::join(format_names(), ", ")), remedy);
}

/// A volume whose voxel size the user stated.
class WithVoxelSize final : public core::Volume {
 public:
  WithVoxelSize(std::unique_ptr<core::Volume> volume, const core::Vec3d& voxel_nm)
      : Volume(volume->info()), volume_(std::move(volume)) {
    info_.voxel_nm = voxel_nm;
    info_.voxel_nm_source = "given by the user";
  }

 protected:
  core::Array read_box(const core::Box3& box) const override { return volume_->read(box); }

 private:
  std::unique_ptr<core::Volume> volume_;
};

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
  for (const Reader& reader : kReaders) {
    if (!reader.recognises(location)) {
      continue;
    }
    auto volume = reader.open(location, options);
    if (options.voxel_nm) {
      return std::make_unique<WithVoxelSize>(std::move(volume), *options.voxel_nm);
    }
    return volume;
  }
  if (!fs::exists(location.file)) {
    throw bad_file(path, "no such file or folder", "an image, a folder of images or a container",
                   "check the path");
  }
  fail_unknown(location);
}

std::unique_ptr<OutputVolume> create(const std::string& path, const CreateOptions& options) {
  throw_if_any(ErrorKind::usage, fmt::format("output '{}' cannot be made", path),
               options.validate());
  const Location location = parse_location(path);
  std::vector<std::string> known;
  for (const Writer& writer : kWriters) {
    if (writer.fits(location)) {
      refuse_existing(location.inner.empty() ? location.file : location.file / location.inner,
                      options);
      return writer.create(location, options);
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
