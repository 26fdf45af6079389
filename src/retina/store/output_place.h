#pragma once

#include <filesystem>
#include <string>

#include "retina/store/location.h"

namespace retina::store {

/// Where an output goes, where it lies until then and what keeps other writers off it; the one
/// place that knows.
struct OutputPlace {
  std::filesystem::path root;  ///< its file or folder; of "x.zarr/labels/a" the outermost .zarr
  std::string inner;           ///< path in root: "labels/a"; empty for an output of its own
  bool is_zarr = false;        ///< root is a .zarr, and inner a folder in it
  bool is_hdf5 = false;        ///< root is an HDF5 file, and inner a dataset of it
  std::string extension;       ///< of root, in lower case
  std::filesystem::path final_path;  ///< what finish() makes or replaces: root, or a folder in it
  /// A name beside root for this output alone ("x.zarr.labels.a", "x.h5.a"; root for an output of
  /// its own): what core::OutputLock takes.
  std::filesystem::path beside;
  std::filesystem::path partial;  ///< of the unfinished output, beside root too
};

OutputPlace output_place(const Location& location);
OutputPlace output_place(const std::string& path);

}  // namespace retina::store
