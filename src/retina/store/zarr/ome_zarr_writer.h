#pragma once

#include <memory>

#include "retina/store/location.h"
#include "retina/store/output.h"

namespace retina::store {

/// True for `x.zarr` and for images inside one: `x.zarr/labels/NAME`, `x.zarr:/labels/NAME`.
bool fits_zarr(const Location& location);

/// An OME-Zarr 0.5 image with sharded arrays, written aside: chunks come and go, so that memory
/// stays bounded by one shard for each thread that writes. finish() computes the pyramid shard by
/// shard, writes the metadata last and moves the image into place. An image `x.zarr/labels/NAME`
/// needs x.zarr when it is finished, not before, and enters the list of x.zarr's labels.
std::unique_ptr<OutputVolume> create_ome_zarr(const Location& location,
                                              const CreateOptions& options);

}  // namespace retina::store
