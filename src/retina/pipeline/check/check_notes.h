#pragma once

#include "retina/pipeline/check/check.h"
#include "retina/pipeline/check/plane_reader.h"

namespace retina::pipeline {

/// Adds to a report what follows from all planes that were read into it: the digest, repeated
/// images, and notes and problems about masks of two values, empty masks and images without
/// contrast. Its class names are known.
void add_conclusions(CheckReport& report, const ReadPlanes& read, const CheckOptions& options);

/// One note for all images, as a share of the values of those that have some.
void note_non_finite(CheckReport& report);

}  // namespace retina::pipeline
