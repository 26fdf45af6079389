#pragma once

#include <functional>
#include <string>

#include "retina/core/array.h"
#include "retina/core/box.h"
#include "retina/core/dtype.h"
#include "retina/core/progress.h"
#include "retina/core/volume.h"

namespace retina::pipeline {

/// The values that another data type is to hold.
struct NarrowingRequest {
  core::Vec3 shape{0, 0, 0};                             ///< of the part that is converted
  core::Vec3 block{0, 0, 0};                             ///< read at once by each thread
  std::function<core::Array(const core::Box3&)> read{};  ///< a box of the part, by any thread
  core::DType to = core::DType::u8;
  bool is_labels = false;        ///< ids, of which none may be lost
  bool allow_narrowing = false;  ///< intensities may be clipped and rounded
  int threads = 1;
};

/// One pass over all values, before any is written: says what narrowing does to them. bad_data
/// where they lose more than is allowed, with the range of `input` as a remedy for intensities.
std::string check_narrowing(const core::Volume& input, const NarrowingRequest& request,
                            const core::Context& context);

}  // namespace retina::pipeline
