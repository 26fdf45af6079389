#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/volume.h"
#include "retina/store/output.h"

namespace retina::store {

/// What the user may say about a file that does not say it itself.
struct OpenOptions {
  std::optional<core::Vec3d> voxel_nm;  ///< z, y, x; overrides the file
  std::string axes;  ///< "zyx", "czyx", "cyx", ... for files whose axes are ambiguous
};

/// VolumeInfo::voxel_nm_source where OpenOptions::voxel_nm is set.
inline constexpr const char* kGivenByUser = "given by the user";

/// Opens an image, stack, folder of slices, pack or container (`container:path` for a dataset
/// inside one; `:c=N` at the end for one channel). Reads metadata only; colour images are decoded
/// once, because only pixels tell whether they are grey. bad_data names the path, what was found
/// and what could be opened.
std::unique_ptr<core::Volume> open(const std::string& path, const OpenOptions& options = {});

/// What a place holds that can be opened, as paths inside it in natural order (of a pack in its
/// own): "" for the place itself, "volumes/raw" for a dataset of a container. Reads metadata only;
/// empty where nothing can be opened.
std::vector<std::string> list_datasets(const std::string& path);

/// True if a format knows the place by its name or its first bytes; it may be damaged all the same.
bool is_recognised(const std::string& path);

/// True if the folder `path` is opened as one thing (Zarr, N5, a pack, ...): its files are no
/// images of their own. False for files, and for folders of slices or of anything else.
bool is_container(const std::string& path);

/// True if `path` is read from one file that stays open as long as its volume lives. False for PNG
/// and JPEG, and for folders (packs, whose files are mapped, among them).
bool keeps_file_open(const std::string& path);

/// Creates a writable volume; the format follows the extension of `path`:
/// ".zarr" OME-Zarr 0.5 (sharded; 0.4 by options.zarr_version; `x.zarr/labels/NAME` adds a label
/// image to x.zarr), ".tif/.tiff" stack (whole pages in order; OME-TIFF if ".ome" stands before
/// it), ".h5/.hdf5/.hdf" HDF5
/// (`x.h5:/path` names or adds a dataset), ".nrrd" NRRD, ".precomputed" Neuroglancer precomputed,
/// ".png" one slice, ".pack" uint8 bytes (the only one of builds without container formats), no
/// extension = folder of PNG slices. Written aside and put under its final name by finish(). usage
/// error if `path` exists and not overwrite, and for a choice (chunk, shard, pyramid, compression,
/// Zarr version) that the format does not offer.
std::unique_ptr<OutputVolume> create(const std::string& path, const CreateOptions& options);

/// True if this build has a format for the extension of `path`.
bool can_create(const std::string& path);

/// The formats this build opens, for messages and `doctor`: "PNG, JPEG", "TIFF", ...
std::vector<std::string> format_names();

}  // namespace retina::store
