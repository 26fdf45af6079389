#pragma once

#include <string>
#include <vector>

#include "retina/core/error.h"
#include "retina/core/options.h"
#include "retina/store/open.h"

namespace retina::pipeline {

/// What the user says about files that do not say it themselves: the same words in every verb that
/// opens images.
struct ReadingOptions {
  std::string axes{};                   ///< as stored, such as "czyx"; empty = the file says
  std::vector<double> voxel_size_nm{};  ///< z, y, x; empty = the file says, or it is not known

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("axes", self.axes,
          "axes as stored, slowest first, such as czyx: for files that do not state them");
    visit("voxel_size_nm", self.voxel_size_nm,
          "voxel size z,y,x in nm; overrides what the file says");
  }
  std::vector<Problem> validate() const;

  /// usage error for options that are not valid.
  store::OpenOptions open_options() const;
};

}  // namespace retina::pipeline
