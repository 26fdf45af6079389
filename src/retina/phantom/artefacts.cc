#include "retina/phantom/artefacts.h"

#include "retina/core/rng.h"

namespace retina::phantom {
namespace {

constexpr std::uint64_t kStream = 601;
constexpr float kSpeckGridNm = 400.0F;  // at most one speck in a square of this side

}  // namespace

SectionDamage::Band SectionDamage::random_band(std::uint64_t key, float width_nm, float change) {
  core::Rng rng(key);
  const double angle = rng.uniform(0, 3.14159265);
  Band band{};
  band.normal_y = static_cast<float>(std::sin(angle));
  band.normal_x = static_cast<float>(std::cos(angle));
  band.spacing_nm = static_cast<float>(rng.uniform(1200, 4000));
  band.offset_nm = static_cast<float>(rng.uniform(0, 4000));
  band.width_nm = width_nm;
  band.change = change;
  return band;
}

SectionDamage::SectionDamage(std::uint64_t seed, std::int64_t z, const ArtefactOptions& options)
    : key_(core::mix({seed, kStream, static_cast<std::uint64_t>(z)})),
      speck_chance_(options.precipitate * kSpeckGridNm * kSpeckGridNm * 1e-6) {
  core::Rng rng(key_);
  if (rng.chance(options.knife_mark)) {
    const auto width = static_cast<float>(rng.uniform(8, 22));
    const bool bright = rng.chance(0.6);
    bands_.push_back(random_band(core::mix({key_, 1}), width, bright ? 34.0F : -34.0F));
  }
  if (rng.chance(options.fold)) {
    const auto width = static_cast<float>(rng.uniform(80, 240));
    const auto change = static_cast<float>(-rng.uniform(30, 55));
    bands_.push_back(random_band(core::mix({key_, 2}), width, change));
  }
  if (rng.chance(options.exposure)) {
    const bool bright = rng.chance(0.5);
    gain_ = static_cast<float>(bright ? rng.uniform(1.1, 1.25) : rng.uniform(0.72, 0.88));
  }
}

void SectionDamage::apply(float* row, std::int64_t y, std::int64_t first_x, std::int64_t count,
                          const Point& voxel_nm) const {
  for (std::int64_t i = 0; gain_ != 1.0F && i < count; ++i) {
    row[i] *= gain_;
  }
  for (const Band& band : bands_) {
    const float base = static_cast<float>(y) * voxel_nm.y * band.normal_y + band.offset_nm;
    for (std::int64_t i = 0; i < count; ++i) {
      const float along = base + static_cast<float>(first_x + i) * voxel_nm.x * band.normal_x;
      const float turns = along / band.spacing_nm;
      const float d = std::abs(turns - std::floor(turns) - 0.5F) * band.spacing_nm;
      row[i] += band.change * smoothstep(band.width_nm, 0.5F * band.width_nm, d);
    }
  }
  if (speck_chance_ > 0) {
    add_specks(row, y, first_x, count, voxel_nm);
  }
}

void SectionDamage::add_specks(float* row, std::int64_t y, std::int64_t first_x, std::int64_t count,
                               const Point& voxel_nm) const {
  const auto square = [](float nm) {
    return static_cast<std::int64_t>(std::floor(nm / kSpeckGridNm));
  };
  const float at_y = static_cast<float>(y) * voxel_nm.y;
  const std::int64_t sy = square(at_y);
  const std::int64_t last = square(static_cast<float>(first_x + count - 1) * voxel_nm.x);
  for (std::int64_t sx = square(static_cast<float>(first_x) * voxel_nm.x); sx <= last; ++sx) {
    core::Rng rng{key_, static_cast<std::uint64_t>(sy), static_cast<std::uint64_t>(sx)};
    if (!rng.chance(speck_chance_)) {
      continue;
    }
    // the speck stays inside its square, so that no other row or column has to look for it
    const auto radius = static_cast<float>(rng.uniform(14, 55));
    const double room = kSpeckGridNm - 2.0F * radius;
    const float dy = at_y - static_cast<float>(sy) * kSpeckGridNm - radius;
    const float off_y = dy - static_cast<float>(rng.uniform(0, room));
    const auto off_x =
        static_cast<float>(rng.uniform(0, room)) + static_cast<float>(sx) * kSpeckGridNm + radius;
    for (std::int64_t i = 0; i < count; ++i) {
      const float dx = static_cast<float>(first_x + i) * voxel_nm.x - off_x;
      const float d = std::sqrt(dx * dx + off_y * off_y);
      row[i] -= 110.0F * smoothstep(radius, 0.6F * radius, d);
    }
  }
}

}  // namespace retina::phantom
