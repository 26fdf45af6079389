#pragma once

#include <memory>
#include <string>

#include "retina/core/volume.h"
#include "retina/store/open.h"

namespace retina::store {

/// Opens as open() does one of many: a file of one plane is closed again and opened when it is
/// read, so that a set of any number of images holds few files open. Those read last stay open.
/// bad_data from a read if the file is no longer what it was. What is not one plane, or keeps no
/// file open, is what open() gives.
std::unique_ptr<core::Volume> open_on_demand(const std::string& path,
                                             const OpenOptions& options = {});

}  // namespace retina::store
