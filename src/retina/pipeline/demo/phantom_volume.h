#pragma once

#include <string>

#include "retina/core/progress.h"
#include "retina/phantom/phantom.h"

namespace retina::pipeline {

/// How a phantom is written.
struct PhantomOutput {
  std::string
      path;  ///< OME-Zarr: the image at the root, labels/semantic and labels/instances under it
  int threads = 1;
  bool overwrite = false;
};

/// Writes a phantom block by block, so that any size fits in memory; an interrupted one is
/// continued by the same call.
void write_phantom(const phantom::Phantom& phantom, const PhantomOutput& output,
                   const core::Context& context);

}  // namespace retina::pipeline
