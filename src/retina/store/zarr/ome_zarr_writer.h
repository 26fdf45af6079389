#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "retina/store/location.h"
#include "retina/store/output.h"

namespace retina::store {

/// True for `x.zarr` and for images inside one: `x.zarr/labels/NAME`, `x.zarr:/labels/NAME`.
bool fits_zarr(const Location& location);

/// An OME-Zarr image, 0.5 with sharded arrays or, by options.zarr_version, 0.4, written aside:
/// chunks come and go, so that memory stays bounded by one shard for each thread that writes.
/// finish() computes the pyramid shard by shard, writes the metadata last and moves the image into
/// place. An image `x.zarr/labels/NAME` needs x.zarr when it is finished, and from the start an
/// unfinished one; it takes its version if x.zarr is there from the start, and enters the list of
/// x.zarr's labels if it is one.
std::unique_ptr<OutputVolume> create_ome_zarr(const Location& location,
                                              const CreateOptions& options);

/// What a folder holds that is no part of an OME-Zarr image or a zarr array: other files, and the
/// labels of the image except options.replaced_labels.
std::vector<std::string> foreign_in_ome_zarr(const std::filesystem::path& folder,
                                             const CreateOptions& options);

}  // namespace retina::store
