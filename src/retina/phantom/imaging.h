#pragma once

#include <cstdint>
#include <vector>

#include "retina/core/box.h"
#include "retina/core/error.h"
#include "retina/phantom/artefacts.h"

namespace retina::phantom {

/// What the microscope and the cutting do to the tissue.
struct ImagingOptions {
  double blur_nm = 6.5;
  double texture = 20;
  double gaussian_noise = 7;
  double shot_noise = 0.55;
  double drift = 12;
  double section_jitter_nm = 3;
  double section_contrast = 0.025;
  ArtefactOptions artefacts;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("blur_nm", self.blur_nm, "standard deviation of the point spread function");
    visit("texture", self.texture,
          "standard deviation of the staining's grain before the blur, grey levels");
    visit("gaussian_noise", self.gaussian_noise,
          "standard deviation of the detector's noise, grey levels");
    visit("shot_noise", self.shot_noise,
          "shot noise: standard deviation over the root of the grey value");
    visit("drift", self.drift, "slow change of brightness across the volume, grey levels");
    visit("section_jitter_nm", self.section_jitter_nm,
          "standard deviation of the shift of each section");
    visit("section_contrast", self.section_contrast,
          "standard deviation of the gain of each section");
    visit("artefacts", self.artefacts, "damage of sections");
  }
  std::vector<Problem> validate() const;
};

/// In-plane shift of one section, voxels.
struct SectionShift {
  std::int64_t y = 0;
  std::int64_t x = 0;
};

/// Turns noise-free grey values into an image. A pure function of (seed, voxel).
class Microscope {
 public:
  Microscope(std::uint64_t seed, const Point& voxel_nm, const ImagingOptions& options);

  SectionShift shift(std::int64_t z) const;
  /// No section is shifted further than this many voxels, y and x.
  SectionShift longest_shift() const;

  /// Voxels around a box (z, y, x) whose tissue is needed to image it.
  const core::Vec3& halo() const { return halo_; }

  /// The image of `box` from the tissue (z, y, x) of `box` grown by halo().
  std::vector<std::uint8_t> expose(const core::Box3& box, std::vector<float> tissue) const;

 private:
  void add_texture(const core::Box3& outer, std::vector<float>& grey) const;
  void add_drift(float* row, Point start, const core::Box3& box) const;
  void record_section(const core::Box3& box, std::int64_t z, float* grey,
                      std::uint8_t* image) const;

  std::uint64_t seed_;
  Point voxel_nm_;
  ImagingOptions options_;
  core::Vec3 halo_{0, 0, 0};
  std::vector<float> taps_[3];  ///< half of each kernel, from the centre outwards
};

}  // namespace retina::phantom
