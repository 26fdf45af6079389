#pragma once

#include <memory>
#include <string>

#include "retina/store/location.h"
#include "retina/store/output.h"

namespace retina::store {

/// A TIFF stack, readable by ImageJ (which knows no zstd and no 64-bit integers): pages in the
/// order z, c; BigTIFF above 2 GiB of pixels; deflate unless options.compression says otherwise.
/// Uncompressed pages lie in one piece each. write() takes slabs of whole pages, each starting
/// where the last one ended; read() works after finish().
std::unique_ptr<OutputVolume> create_tiff(const Location& location, const CreateOptions& options);

}  // namespace retina::store
