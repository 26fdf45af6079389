#pragma once

#include <memory>
#include <string>

#include "retina/store/location.h"
#include "retina/store/output.h"

namespace retina::store {

/// A TIFF stack (BigTIFF above 2 GiB of pixels, deflate), readable by ImageJ: pages in the order z,
/// c. write() takes slabs of whole pages, each starting where the last one ended; read() works
/// after finish().
std::unique_ptr<OutputVolume> create_tiff(const Location& location, const CreateOptions& options);

}  // namespace retina::store
