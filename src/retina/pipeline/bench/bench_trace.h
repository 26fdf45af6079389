#pragma once

#include <filesystem>
#include <functional>

#include <torch/types.h>

#include "retina/core/lock.h"

namespace retina::pipeline {

/// The right to write `path`, which is an empty file then. usage error for a folder, resource error
/// if it cannot be written or somebody else writes it.
core::OutputLock lock_trace(const std::filesystem::path& path);

/// Records three runs of `run`, after warming up, by torch's profiler: every
/// operation of the process and every kernel of a GPU, as a timeline that chrome://tracing and
/// Perfetto read. resource error if `path` cannot be written.
void write_trace(const std::filesystem::path& path, const at::Device& device,
                 const std::function<void()>& run);

}  // namespace retina::pipeline
