#include "retina/phantom/tissue.h"

#include <limits>
#include <memory>
#include <span>
#include <unordered_map>

#include "retina/phantom/noise.h"

namespace retina::phantom {
namespace {

using core::Box3;
using core::Vec3;

constexpr float kTileNm = 48.0F;    // the fields are linear inside a tile
constexpr float kMarginNm = 70.0F;  // borders are known up to this distance
constexpr std::int64_t kGroup = 4;  // tiles along each side of a group that shares candidates
constexpr std::int64_t kLongestTile = 12;

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

std::int64_t tile_side(float step_nm) {
  return std::clamp<std::int64_t>(std::llround(kTileNm / step_nm), 1, kLongestTile);
}

LocalFields mixed(const LocalFields& a, const LocalFields& b, float t) {
  const auto lerp = [t](float u, float v) { return u + (v - u) * t; };
  return {.at = {lerp(a.at.z, b.at.z), lerp(a.at.y, b.at.y), lerp(a.at.x, b.at.x)},
          .sheet = lerp(a.sheet, b.sheet),
          .patch = lerp(a.patch, b.patch),
          .wobble = lerp(a.wobble, b.wobble),
          .crista = lerp(a.crista, b.crista),
          .gap = lerp(a.gap, b.gap),
          .tone = lerp(a.tone, b.tone)};
}

Bounds extent_of(const TissueSpec& spec) {
  const auto side = [](std::int64_t n, float nm) { return static_cast<float>(n) * nm; };
  return {{0, 0, 0},
          {side(spec.samples[0], spec.step_nm.z), side(spec.samples[1], spec.step_nm.y),
           side(spec.samples[2], spec.step_nm.x)}};
}

/// The state of one voxel's search for its cell.
struct Owner {
  std::size_t site = 0;
  float border = kMarginNm;
  std::uint32_t neighbour = 0;
};

Owner find_owner(std::span<const Site> sites, const Point& p) {
  Owner owner;
  if (sites.size() < 2) {
    return owner;
  }
  float least = std::numeric_limits<float>::max();
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const float value = sites[i].value(p);
    if (value < least) {
      least = value;
      owner.site = i;
    }
  }
  const Point own_slope = sites[owner.site].gradient(p);
  for (std::size_t i = 0; i < sites.size(); ++i) {
    if (i == owner.site) {
      continue;
    }
    const float height = sites[i].value(p) - least;
    const Point slope = sites[i].gradient(p) - own_slope;
    const float steep = dot(slope, slope);
    if (height * height < owner.border * owner.border * steep) {
      owner.border = height / std::sqrt(steep);
      owner.neighbour = sites[i].index;
    }
  }
  return owner;
}

}  // namespace

/// Renders one block: keeps the lattice of fields and the contents of the cells it has met.
class TissuePainter {
 public:
  TissuePainter(const Tissue& tissue, const Box3& box);
  TissueBlock paint();

 private:
  const LocalFields& node(std::int64_t z, std::int64_t y, std::int64_t x) const {
    const Vec3 n{z - first_[0], y - first_[1], x - first_[2]};
    return nodes_[static_cast<std::size_t>((n[0] * counts_[1] + n[1]) * counts_[2] + n[2])];
  }
  Bounds bounds_of(const Box3& tiles) const;
  void paint_group(const Box3& tiles);
  void paint_tile(const Vec3& tile, std::span<const Site> candidates);
  void paint_row(const Vec3& start, const LocalFields& low, const LocalFields& high,
                 std::span<const Site> sites, std::vector<VisibleContents>& seen,
                 const Bounds& bounds);
  const CellContents& contents(const Site& site);

  const Tissue& tissue_;
  Vec3 first_{};   // tile of the block's first sample
  Vec3 counts_{};  // nodes along each axis
  std::vector<LocalFields> nodes_;
  std::vector<Site> sites_;
  std::unordered_map<std::uint32_t, std::unique_ptr<CellContents>> contents_;
  ValueNoise grain_;
  TissueBlock block_;
};

TissuePainter::TissuePainter(const Tissue& tissue, const Box3& box)
    : tissue_(tissue), grain_(core::mix({tissue.spec_.seed, 499}), 27.0F) {
  block_.box = box;
  const auto voxels = static_cast<std::size_t>(box.voxels());
  block_.grey.resize(voxels);
  block_.structure.resize(voxels);
  block_.instance.resize(voxels);
  for (std::size_t a = 0; a < 3; ++a) {
    first_[a] = floor_div(box.start[a], tissue.tile_[a]);
    counts_[a] = floor_div(box.start[a] + box.shape[a] - 1, tissue.tile_[a]) + 2 - first_[a];
  }
  nodes_.reserve(static_cast<std::size_t>(counts_[0] * counts_[1] * counts_[2]));
  for (std::int64_t z = 0; z < counts_[0]; ++z) {
    for (std::int64_t y = 0; y < counts_[1]; ++y) {
      for (std::int64_t x = 0; x < counts_[2]; ++x) {
        const auto nm = [&](std::int64_t i, std::size_t a, float step) {
          return static_cast<float>((first_[a] + i) * tissue.tile_[a]) * step;
        };
        const Point& step = tissue.spec_.step_nm;
        nodes_.push_back(tissue.fields_at({nm(z, 0, step.z), nm(y, 1, step.y), nm(x, 2, step.x)}));
      }
    }
  }
}

Bounds TissuePainter::bounds_of(const Box3& tiles) const {
  const Point corner = node(tiles.start[0], tiles.start[1], tiles.start[2]).at;
  Bounds bounds{corner, corner};
  for (std::int64_t z = 0; z <= tiles.shape[0]; ++z) {
    for (std::int64_t y = 0; y <= tiles.shape[1]; ++y) {
      for (std::int64_t x = 0; x <= tiles.shape[2]; ++x) {
        bounds.include(node(tiles.start[0] + z, tiles.start[1] + y, tiles.start[2] + x).at);
      }
    }
  }
  return bounds;
}

TissueBlock TissuePainter::paint() {
  const Box3 all{first_, {counts_[0] - 1, counts_[1] - 1, counts_[2] - 1}};
  sites_ = tissue_.cells_.sites_in(bounds_of(all), kMarginNm);
  for (std::int64_t z = 0; z < all.shape[0]; z += kGroup) {
    for (std::int64_t y = 0; y < all.shape[1]; y += kGroup) {
      for (std::int64_t x = 0; x < all.shape[2]; x += kGroup) {
        const Box3 group{{first_[0] + z, first_[1] + y, first_[2] + x}, {kGroup, kGroup, kGroup}};
        paint_group(core::intersect(group, all));
      }
    }
  }
  return std::move(block_);
}

void TissuePainter::paint_group(const Box3& tiles) {
  const std::vector<Site> sites = tissue_.cells_.relevant(sites_, bounds_of(tiles), kMarginNm);
  for (std::int64_t z = 0; z < tiles.shape[0]; ++z) {
    for (std::int64_t y = 0; y < tiles.shape[1]; ++y) {
      for (std::int64_t x = 0; x < tiles.shape[2]; ++x) {
        paint_tile({tiles.start[0] + z, tiles.start[1] + y, tiles.start[2] + x}, sites);
      }
    }
  }
}

const CellContents& TissuePainter::contents(const Site& site) {
  std::unique_ptr<CellContents>& known = contents_[site.index];
  if (!known) {
    known = std::make_unique<CellContents>(
        fill_cell(tissue_.cells_, site, tissue_.spec_.mitochondria_density));
  }
  return *known;
}

void TissuePainter::paint_tile(const Vec3& tile, std::span<const Site> candidates) {
  const Bounds bounds = bounds_of({tile, {1, 1, 1}});
  const std::vector<Site> sites = tissue_.cells_.relevant(candidates, bounds, kMarginNm);
  std::vector<VisibleContents> seen(sites.size());
  const auto corner = [&](int z, int y, int x) -> const LocalFields& {
    return node(tile[0] + z, tile[1] + y, tile[2] + x);
  };
  const auto part = [](std::int64_t i, std::int64_t n) {
    return static_cast<float>(i) / static_cast<float>(n);
  };
  const Vec3& side = tissue_.tile_;
  const Box3 own{{tile[0] * side[0], tile[1] * side[1], tile[2] * side[2]}, side};
  const Box3 wanted = core::intersect(own, block_.box);
  for (std::int64_t z = wanted.start[0]; z < wanted.stop()[0]; ++z) {
    const float tz = part(z - own.start[0], side[0]);
    const LocalFields low_near = mixed(corner(0, 0, 0), corner(1, 0, 0), tz);
    const LocalFields low_far = mixed(corner(0, 1, 0), corner(1, 1, 0), tz);
    const LocalFields high_near = mixed(corner(0, 0, 1), corner(1, 0, 1), tz);
    const LocalFields high_far = mixed(corner(0, 1, 1), corner(1, 1, 1), tz);
    for (std::int64_t y = wanted.start[1]; y < wanted.stop()[1]; ++y) {
      const float ty = part(y - own.start[1], side[1]);
      paint_row({z, y, own.start[2]}, mixed(low_near, low_far, ty), mixed(high_near, high_far, ty),
                sites, seen, bounds);
    }
  }
}

void TissuePainter::paint_row(const Vec3& start, const LocalFields& low, const LocalFields& high,
                              std::span<const Site> sites, std::vector<VisibleContents>& seen,
                              const Bounds& bounds) {
  const Box3& box = block_.box;
  const std::int64_t side = tissue_.tile_[2];
  const std::int64_t row =
      ((start[0] - box.start[0]) * box.shape[1] + start[1] - box.start[1]) * box.shape[2] -
      box.start[2];
  const std::int64_t from = std::max(start[2], box.start[2]);
  const std::int64_t to = std::min(start[2] + side, box.stop()[2]);
  for (std::int64_t x = from; x < to; ++x) {
    const LocalFields fields =
        mixed(low, high, static_cast<float>(x - start[2]) / static_cast<float>(side));
    const Owner owner = find_owner(sites, fields.at);
    VisibleContents& cell = seen[owner.site];
    if (cell.cell == nullptr) {
      cell = visible_within(contents(sites[owner.site]), bounds);
    }
    const TissueVoxel voxel =
        shade(cell, fields, owner.border, owner.neighbour, grain_.at(fields.at));
    const auto at = static_cast<std::size_t>(row + x);
    block_.grey[at] = voxel.grey;
    block_.structure[at] = static_cast<std::uint8_t>(voxel.structure);
    block_.instance[at] = voxel.instance;
  }
}

Tissue::Tissue(const TissueSpec& spec)
    : spec_(spec),
      cells_(spec.seed, spec.cell_nm, extent_of(spec)),
      tile_{tile_side(spec.step_nm.z), tile_side(spec.step_nm.y), tile_side(spec.step_nm.x)} {
  core::Rng rng{spec.seed, 401};
  for (int i = 0; i < 6; ++i) {
    const Point direction = random_direction(rng);
    const double wavelength = rng.uniform(230, 420);
    const double phase = rng.uniform(0, 6.2831853);
    waves_.push_back(
        {direction * static_cast<float>(6.2831853 / wavelength), static_cast<float>(phase)});
  }
}

TissueBlock Tissue::render(const Box3& box) const {
  return TissuePainter(*this, box).paint();
}

/// The zero surface of a sum of waves: first-order distance to it.
Tissue::Sheet Tissue::nearest_sheet(const Point& p) const {
  float height = 0;
  Point slope;
  for (const Wave& wave : waves_) {
    const float angle = dot(p, wave.direction) + wave.phase;
    height += std::sin(angle);
    slope = slope + wave.direction * std::cos(angle);
  }
  const float steep = length(slope);
  return {std::clamp(height / (steep + 0.003F), -90.0F, 90.0F), steep};
}

LocalFields Tissue::fields_at(const Point& world) const {
  const auto noise = [&](std::uint64_t stream, float period_nm) {
    return ValueNoise(core::mix({spec_.seed, 402, stream}), period_nm).at(world);
  };
  const auto bend = [&](std::uint64_t stream) {
    return 115.0F * noise(stream, 560) + 38.0F * noise(stream + 10, 220);
  };
  LocalFields fields;
  fields.at = world + Point{bend(1), bend(2), bend(3)};
  const Sheet sheet = nearest_sheet(fields.at);
  fields.sheet = sheet.distance;
  // where the surface is flat its distance is not known well: sheets end there
  fields.patch =
      noise(4, 330) + 0.35F * noise(14, 130) - 70.0F * std::max(0.0F, 0.022F - sheet.slope);
  fields.wobble = noise(5, 105);
  fields.crista = noise(6, 150);
  fields.gap = noise(7, 260);
  fields.tone = noise(8, 700);
  return fields;
}

}  // namespace retina::phantom
