#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "retina/store/location.h"
#include "retina/store/output.h"

namespace retina::store {

/// A pack of one uint8 volume, written box by box in any order: the output of builds without
/// container formats. Opened again it is an image, whatever it holds. usage error for other types.
std::unique_ptr<OutputVolume> create_pack(const Location& location, const CreateOptions& options);

/// What a folder holds that is no part of a pack.
std::vector<std::string> foreign_in_pack(const std::filesystem::path& folder,
                                         const CreateOptions& options);

}  // namespace retina::store
