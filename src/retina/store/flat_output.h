#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "retina/store/location.h"
#include "retina/store/output.h"

namespace retina::store {

/// A file of `header` and then the voxels, dense in the order c,z,y,x. Boxes may come in any order
/// and from several threads; what is not written stays 0. With a resume key the planes written are
/// kept for a later process, after a kill too.
std::unique_ptr<OutputVolume> create_flat(const Location& location, const CreateOptions& options,
                                          std::string_view format, const std::string& header);

}  // namespace retina::store
