#pragma once

#include <filesystem>
#include <vector>

#include "retina/augment/photometry.h"
#include "retina/net/network.h"
#include "retina/report/picture.h"
#include "retina/trainer/task.h"

namespace retina::pipeline {

/// What a network makes of a few degraded images: one row each of input, reconstruction and
/// target. `network` is left in the mode it was in.
std::vector<std::vector<report::Picture>> restoration_pictures(
    net::DenseNetwork& network, const trainer::TaskInputs& batch,
    const augment::Normalisation& normalisation);

/// All rows as one PNG file.
void write_picture_file(const std::filesystem::path& path,
                        const std::vector<std::vector<report::Picture>>& rows);

}  // namespace retina::pipeline
