#include "retina/phantom/imaging.h"

#include <fmt/format.h>

#include "retina/phantom/noise.h"

namespace retina::phantom {
namespace {

using core::Box3;
using core::Vec3;

constexpr std::uint64_t kShiftStream = 501;
constexpr std::uint64_t kTextureStream = 502;
constexpr std::uint64_t kDetectorStream = 503;
constexpr std::uint64_t kDriftStream = 504;
constexpr std::uint64_t kContrastStream = 505;
constexpr float kDriftPeriodNm = 1500.0F;
constexpr std::int64_t kDriftStep = 8;
constexpr double kLongestJitter = 3.0;  // standard deviations
constexpr float kMiddleGrey = 128.0F;

std::uint64_t key_of(std::int64_t v) {
  return static_cast<std::uint64_t>(v);
}

/// Half of a normalised Gaussian kernel; one tap if the blur is narrower than a fifth of a voxel.
std::vector<float> gaussian_taps(double sigma_voxels) {
  if (sigma_voxels < 0.2) {
    return {1.0F};
  }
  const auto radius = static_cast<std::size_t>(std::ceil(2.5 * sigma_voxels));
  std::vector<double> exact(radius + 1);
  double sum = 0;
  for (std::size_t i = 0; i <= radius; ++i) {
    const double t = static_cast<double>(i) / sigma_voxels;
    exact[i] = std::exp(-0.5 * t * t);
    sum += i == 0 ? exact[i] : 2 * exact[i];
  }
  std::vector<float> taps;
  for (const double tap : exact) {
    taps.push_back(static_cast<float>(tap / sum));
  }
  return taps;
}

/// Convolves `values` of `shape` along `axis`, keeping the part in which the kernel fits; `shape`
/// shrinks.
std::vector<float> blurred(const std::vector<float>& values, Vec3& shape, std::size_t axis,
                           const std::vector<float>& taps) {
  const auto radius = static_cast<std::int64_t>(taps.size()) - 1;
  if (radius == 0) {
    return values;
  }
  Vec3 inner = shape;
  inner[axis] -= 2 * radius;
  const std::int64_t stride = axis == 0 ? shape[1] * shape[2] : axis == 1 ? shape[2] : 1;
  std::vector<float> out(static_cast<std::size_t>(inner[0] * inner[1] * inner[2]));
  for (std::int64_t z = 0; z < inner[0]; ++z) {
    for (std::int64_t y = 0; y < inner[1]; ++y) {
      const float* in = values.data() + (z * shape[1] + y) * shape[2] + radius * stride;
      float* to = out.data() + (z * inner[1] + y) * inner[2];
      for (std::int64_t x = 0; x < inner[2]; ++x) {
        to[x] = taps[0] * in[x];
      }
      for (std::int64_t r = 1; r <= radius; ++r) {
        const float tap = taps[static_cast<std::size_t>(r)];
        for (std::int64_t x = 0; x < inner[2]; ++x) {
          to[x] += tap * (in[x - r * stride] + in[x + r * stride]);
        }
      }
    }
  }
  shape = inner;
  return out;
}

std::int64_t in_voxels(double nm, float voxel_nm) {
  return std::llround(nm / static_cast<double>(voxel_nm));
}

}  // namespace

std::vector<Problem> ImagingOptions::validate() const {
  std::vector<Problem> problems;
  const auto within = [&](std::string_view name, double value, double highest) {
    if (!(value >= 0 && value <= highest)) {
      problems.push_back({.subject = fmt::format("imaging.{}", name),
                          .found = fmt::format("{}", value),
                          .expected = fmt::format("a number from 0 to {}", highest)});
    }
  };
  within("blur_nm", blur_nm, 100);
  within("texture", texture, 100);
  within("gaussian_noise", gaussian_noise, 100);
  within("shot_noise", shot_noise, 10);
  within("drift", drift, 100);
  within("section_jitter_nm", section_jitter_nm, 500);
  within("section_contrast", section_contrast, 0.3);
  within("artefacts.knife_mark", artefacts.knife_mark, 1);
  within("artefacts.fold", artefacts.fold, 1);
  within("artefacts.exposure", artefacts.exposure, 1);
  within("artefacts.precipitate", artefacts.precipitate, 6);
  return problems;
}

Microscope::Microscope(std::uint64_t seed, const Point& voxel_nm, const ImagingOptions& options)
    : seed_(seed), voxel_nm_(voxel_nm), options_(options) {
  const float side[3] = {voxel_nm.z, voxel_nm.y, voxel_nm.x};
  for (std::size_t a = 0; a < 3; ++a) {
    taps_[a] = gaussian_taps(options.blur_nm / static_cast<double>(side[a]));
    halo_[a] = static_cast<std::int64_t>(taps_[a].size()) - 1;
  }
}

SectionShift Microscope::longest_shift() const {
  const double longest = kLongestJitter * options_.section_jitter_nm;
  return {in_voxels(longest, voxel_nm_.y), in_voxels(longest, voxel_nm_.x)};
}

SectionShift Microscope::shift(std::int64_t z) const {
  core::Rng rng{seed_, kShiftStream, key_of(z)};
  const auto draw = [&] {
    return options_.section_jitter_nm * std::clamp(rng.normal(), -kLongestJitter, kLongestJitter);
  };
  const double y = draw();
  const double x = draw();
  return {in_voxels(y, voxel_nm_.y), in_voxels(x, voxel_nm_.x)};
}

void Microscope::add_texture(const Box3& outer, std::vector<float>& grey) const {
  const auto strength = static_cast<float>(options_.texture);
  float* row = grey.data();
  for (std::int64_t z = outer.start[0]; z < outer.stop()[0]; ++z) {
    for (std::int64_t y = outer.start[1]; y < outer.stop()[1]; ++y) {
      const std::uint64_t key = core::mix({seed_, kTextureStream, key_of(z), key_of(y)});
      for (std::int64_t x = 0; x < outer.shape[2]; ++x) {
        row[x] += strength * normal_of(bits_at(key, outer.start[2] + x));
      }
      row += outer.shape[2];
    }
  }
}

/// Adds the drift to one row of `box`: noise at every kDriftStep-th voxel of the volume, linear
/// between.
void Microscope::add_drift(float* row, Point start, const Box3& box) const {
  const ValueNoise drift(core::mix({seed_, kDriftStream}), kDriftPeriodNm);
  const auto strength = static_cast<float>(options_.drift);
  const auto at = [&](std::int64_t node) {
    start.x = static_cast<float>(node * kDriftStep) * voxel_nm_.x;
    return strength * drift.at(start);
  };
  const std::int64_t first = box.start[2];
  std::int64_t node = (first - (first % kDriftStep + kDriftStep) % kDriftStep) / kDriftStep;
  float low = at(node);
  float high = at(node + 1);
  for (std::int64_t i = 0; i < box.shape[2]; ++i) {
    std::int64_t past = first + i - node * kDriftStep;
    if (past == kDriftStep) {
      ++node;
      past = 0;
      low = high;
      high = at(node + 1);
    }
    row[i] += low + (high - low) * (static_cast<float>(past) / static_cast<float>(kDriftStep));
  }
}

void Microscope::record_section(const Box3& box, std::int64_t z, float* grey,
                                std::uint8_t* image) const {
  const SectionDamage damage(seed_, z, options_.artefacts);
  core::Rng rng{seed_, kContrastStream, key_of(z)};
  const auto gain = static_cast<float>(1.0 + options_.section_contrast * rng.normal());
  const auto offset = static_cast<float>(60 * options_.section_contrast * rng.normal());
  const auto gaussian = static_cast<float>(options_.gaussian_noise);
  const auto shot = static_cast<float>(options_.shot_noise);
  const float at_z = static_cast<float>(z) * voxel_nm_.z;
  for (std::int64_t y = box.start[1]; y < box.stop()[1]; ++y) {
    for (std::int64_t i = 0; i < box.shape[2]; ++i) {
      grey[i] = kMiddleGrey + gain * (grey[i] - kMiddleGrey) + offset;
    }
    add_drift(grey, {at_z, static_cast<float>(y) * voxel_nm_.y, 0}, box);
    damage.apply(grey, y, box.start[2], box.shape[2], voxel_nm_);
    const std::uint64_t key = core::mix({seed_, kDetectorStream, key_of(z), key_of(y)});
    for (std::int64_t i = 0; i < box.shape[2]; ++i) {
      const float light = std::max(0.0F, grey[i]);
      const float spread = std::sqrt(gaussian * gaussian + shot * shot * light);
      const float value = grey[i] + spread * normal_of(bits_at(key, box.start[2] + i));
      image[i] = static_cast<std::uint8_t>(std::clamp(value, 0.0F, 255.0F) + 0.5F);
    }
    grey += box.shape[2];
    image += box.shape[2];
  }
}

std::vector<std::uint8_t> Microscope::expose(const Box3& box, std::vector<float> tissue) const {
  Box3 outer = box;
  for (std::size_t a = 0; a < 3; ++a) {
    outer.start[a] -= halo_[a];
    outer.shape[a] += 2 * halo_[a];
  }
  add_texture(outer, tissue);
  Vec3 shape = outer.shape;
  for (std::size_t a = 0; a < 3; ++a) {
    tissue = blurred(tissue, shape, a, taps_[a]);
  }
  std::vector<std::uint8_t> image(static_cast<std::size_t>(box.voxels()));
  const std::int64_t plane = box.shape[1] * box.shape[2];
  for (std::int64_t z = 0; z < box.shape[0]; ++z) {
    record_section(box, box.start[0] + z, tissue.data() + z * plane, image.data() + z * plane);
  }
  return image;
}

}  // namespace retina::phantom
