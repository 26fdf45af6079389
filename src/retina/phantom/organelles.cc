#include "retina/phantom/organelles.h"

#include <limits>
#include <optional>
#include <span>

#include "retina/phantom/noise.h"

namespace retina::phantom {
namespace {

constexpr std::uint64_t kToneStream = 301;
constexpr std::uint64_t kSynapseStream = 302;
constexpr std::uint64_t kVesicleStream = 303;
constexpr std::uint64_t kLysosomeStream = 304;
constexpr float kNeighbourReach = 3.3F;  // spacings from a centre in which all its neighbours lie
constexpr float kVesicleSpacing = 54.0F;
constexpr float kClusterRadius = 230.0F;

float cell_tone(core::Rng& rng) {
  const double tone = 9.0 * rng.normal();
  const double dark = rng.chance(0.13) ? -rng.uniform(22, 45) : 0.0;
  return static_cast<float>(tone + dark);
}

/// The point of the border between both cells near the line that joins them, moved sideways by
/// `aside`.
Point border_point(const Site& low, const Site& high, const Point& aside) {
  float near = 0;
  float far = 1;
  const Point way = high.centre - low.centre;
  for (int i = 0; i < 20; ++i) {
    const float middle = 0.5F * (near + far);
    const Point p = low.centre + way * middle;
    (low.value(p) < high.value(p) ? near : far) = middle;
  }
  Point p = low.centre + way * near + aside;
  for (int i = 0; i < 4; ++i) {
    const Point slope = high.gradient(p) - low.gradient(p);
    p = p - slope * ((high.value(p) - low.value(p)) / std::max(dot(slope, slope), 1e-6F));
  }
  return p;
}

/// Whether no third cell comes nearer than `clearance` to `p`, a point of the border of `a` and
/// `b`.
bool is_contact(std::span<const Site> sites, const Site& a, const Site& b, const Point& p,
                float clearance) {
  for (const Site& other : sites) {
    if (other.index != a.index && other.index != b.index &&
        border_distance(a, other, p) < clearance) {
      return false;
    }
  }
  return true;
}

std::optional<Synapse> synapse_between(const CellField& field, std::span<const Site> sites,
                                       const Site& one, const Site& two) {
  const Site& low = one.key < two.key ? one : two;
  const Site& high = one.key < two.key ? two : one;
  core::Rng rng{field.seed(), kSynapseStream, low.key, high.key};
  if (!rng.chance(0.3)) {
    return std::nullopt;
  }
  Synapse synapse;
  synapse.key = rng.next();
  synapse.radius = static_cast<float>(rng.uniform(90, 170));
  const bool forward = rng.chance(0.5);
  synapse.from = forward ? low.index : high.index;
  synapse.to = forward ? high.index : low.index;
  const Point way = random_direction(rng);
  const Point aside = way * static_cast<float>(rng.uniform(0, 110));
  synapse.centre = border_point(low, high, aside);
  if (!is_contact(sites, low, high, synapse.centre, 0.6F * synapse.radius)) {
    return std::nullopt;
  }
  return synapse;
}

/// Distance to what a round body must not touch: border, mitochondria, nucleus. Negative outside
/// the cell.
float free_radius(const CellContents& cell, std::span<const Site> sites, const Point& p) {
  const CellProbe here = probe(sites, p);
  if (here.cell->index != cell.site.index) {
    return -1;
  }
  float radius = std::min(here.border_distance - 18.0F, cell.nucleus_distance(p) - 20.0F);
  for (const Mitochondrion& mitochondrion : cell.mitochondria) {
    radius = std::min(radius, mitochondrion.distance(p) - 12.0F);
  }
  return radius;
}

void add_vesicles(const CellField& field, std::span<const Site> sites, const Synapse& synapse,
                  CellContents& cell) {
  core::Rng rng{field.seed(), kVesicleStream, synapse.key};
  const int steps = static_cast<int>(kClusterRadius / kVesicleSpacing);
  for (int z = -steps; z <= steps; ++z) {
    for (int y = -steps; y <= steps; ++y) {
      for (int x = -steps; x <= steps; ++x) {
        const auto place = [&](int i) {
          return (static_cast<float>(i) + static_cast<float>(rng.uniform(-0.3, 0.3))) *
                 kVesicleSpacing;
        };
        const float oz = place(z);
        const float oy = place(y);
        const Point offset{oz, oy, place(x)};
        const float radius = static_cast<float>(rng.uniform(20, 26));
        const bool kept = rng.chance(1.25 - length(offset) / kClusterRadius);
        const Point p = synapse.centre + offset;
        if (kept && free_radius(cell, sites, p) > radius) {
          cell.vesicles.push_back({p, radius});
        }
      }
    }
  }
}

void add_lysosomes(const CellField& field, std::span<const Site> sites, CellContents& cell) {
  core::Rng rng{field.seed(), kLysosomeStream, cell.site.key};
  const int tries = cell.site.nucleus_radius > 0 ? 14 : 5;
  const double spread = std::sqrt(1.0 / cell.site.inverse_area + cell.site.weight) + 100;
  for (int i = 0; i < tries; ++i) {
    const Point way = random_direction(rng);
    const Point p = cell.site.centre + way * static_cast<float>(rng.uniform(0, spread));
    const auto radius = static_cast<float>(rng.uniform(30, 75));
    bool apart = rng.chance(0.5) && free_radius(cell, sites, p) > radius;
    for (const Ball& other : cell.vesicles) {
      apart = apart && length(other.centre - p) > radius + other.radius + 8;
    }
    if (apart) {
      cell.lysosomes.push_back({p, radius});
    }
  }
}

}  // namespace

float CellContents::nucleus_distance(const Point& p) const {
  if (site.nucleus_radius <= 0) {
    return std::numeric_limits<float>::max();
  }
  const Point d = p - site.centre;
  const float along = dot(d, site.axis);
  return std::sqrt(dot(d, d) - 0.6F * site.shrink * along * along) - site.nucleus_radius;
}

CellContents fill_cell(const CellField& field, const Site& cell, double mitochondria_density) {
  const std::vector<Site> sites =
      field.sites_around(cell.centre, kNeighbourReach * field.cell_nm());
  CellContents contents;
  contents.site = cell;
  core::Rng rng{field.seed(), kToneStream, cell.key};
  contents.tone = cell_tone(rng);
  contents.mitochondria = grow_mitochondria(sites, cell, field.seed(), mitochondria_density);
  for (const Site& other : sites) {
    if (other.index == cell.index) {
      continue;
    }
    if (const auto synapse = synapse_between(field, sites, cell, other)) {
      contents.synapses.push_back(*synapse);
      if (synapse->from == cell.index) {
        add_vesicles(field, sites, *synapse, contents);
      }
    }
  }
  add_lysosomes(field, sites, contents);
  return contents;
}

}  // namespace retina::phantom
