#pragma once

#include <filesystem>
#include <functional>

#include <torch/types.h>

namespace retina::pipeline {

/// usage error for a folder, resource error if it cannot be written; leaves an empty file.
void require_trace_place(const std::filesystem::path& path);

/// Records three runs of `run`, after warming up, by torch's profiler: every
/// operation of the process and every kernel of a GPU, as a timeline that chrome://tracing and
/// Perfetto read. resource error if `path` cannot be written.
void write_trace(const std::filesystem::path& path, const at::Device& device,
                 const std::function<void()>& run);

}  // namespace retina::pipeline
