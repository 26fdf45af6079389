#pragma once

#include <memory>
#include <string>
#include <vector>

#include "retina/core/volume.h"
#include "retina/engine/volume_predictor.h"
#include "retina/store/output.h"

namespace retina::pipeline {

/// True for a form that stores blocks rather than planes.
bool stores_blocks(const std::string& path);

/// Storage units to try, the largest first, smaller ones where memory is short: shards of OME-Zarr,
/// whole chunks of HDF5 and precomputed. A chunk that is there counts as written, so no block may
/// end inside one.
std::vector<core::Vec3> storage_units(const std::string& output, const core::Vec3& shape);

/// PNG holds one class; the maps of several become the pages of a TIFF stack.
std::string probabilities_path(const std::string& output, int channels);

/// PNG holds 65,535 ids at most; those of slices become the pages of a TIFF stack.
std::string instances_path(const std::string& output);

/// Of the network's results before they are rescaled or cleaned: only its unfinished form ever
/// exists.
std::string raw_path(const std::string& output);

/// Creates an output for blocks of whole `unit`s. Pyramids are of OME-Zarr, units of what stores
/// blocks, slice names of folders.
std::unique_ptr<store::OutputVolume> create_output(const std::string& path,
                                                   store::CreateOptions how,
                                                   const core::Vec3& unit);

/// Where blocks of whole `unit`s go. An output that stores larger ones would take a part for the
/// whole when the job goes on: internal error.
engine::VolumeTarget target_of(store::OutputVolume* volume, const core::Vec3& unit);

}  // namespace retina::pipeline
