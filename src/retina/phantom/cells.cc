#include "retina/phantom/cells.h"

#include <limits>

#include "retina/phantom/noise.h"

namespace retina::phantom {
namespace {

constexpr float kReach = 3.0F;        // no cell is wider than this many spacings from its centre
constexpr float kBodySpacing = 4.5F;  // spacing of the grid of cell bodies, in neurite spacings
constexpr double kBodyChance = 0.35;
constexpr std::uint64_t kNeuriteStream = 101;
constexpr std::uint64_t kBodyStream = 102;

std::uint64_t key_part(std::int64_t v) {
  return static_cast<std::uint64_t>(v);
}

float between(core::Rng& rng, double low, double high) {
  return static_cast<float>(rng.uniform(low, high));
}

template <class Visit>
void visit_grid(float spacing, const Bounds& bounds, Visit visit) {
  const auto cell = [&](float nm) { return static_cast<std::int64_t>(std::floor(nm / spacing)); };
  for (std::int64_t z = cell(bounds.low.z); z <= cell(bounds.high.z); ++z) {
    for (std::int64_t y = cell(bounds.low.y); y <= cell(bounds.high.y); ++y) {
      for (std::int64_t x = cell(bounds.low.x); x <= cell(bounds.high.x); ++x) {
        visit(z, y, x);
      }
    }
  }
}

Point jittered(core::Rng& rng, std::int64_t z, std::int64_t y, std::int64_t x, float spacing) {
  const auto place = [&](std::int64_t i) {
    return (static_cast<float>(i) + between(rng, 0, 1)) * spacing;
  };
  const float pz = place(z);
  const float py = place(y);
  return {pz, py, place(x)};
}

}  // namespace

float border_distance(const Site& own, const Site& other, const Point& p) {
  const Point slope = other.gradient(p) - own.gradient(p);
  return (other.value(p) - own.value(p)) / std::max(length(slope), 1e-6F);
}

CellProbe probe(std::span<const Site> sites, const Point& p) {
  CellProbe found;
  float least = std::numeric_limits<float>::max();
  for (const Site& site : sites) {
    const float value = site.value(p);
    if (value < least) {
      least = value;
      found.cell = &site;
    }
  }
  found.border_distance = std::numeric_limits<float>::max();
  for (const Site& site : sites) {
    if (&site == found.cell) {
      continue;
    }
    const float distance = border_distance(*found.cell, site, p);
    if (distance < found.border_distance) {
      found.border_distance = distance;
      found.outward = normalised(found.cell->gradient(p) - site.gradient(p));
    }
  }
  return found;
}

std::uint64_t CellField::Grid::cells() const {
  return static_cast<std::uint64_t>(count[0] * count[1] * count[2]);
}

std::uint64_t CellField::Grid::linear(std::int64_t z, std::int64_t y, std::int64_t x) const {
  return static_cast<std::uint64_t>(((z - first[0]) * count[1] + (y - first[1])) * count[2] +
                                    (x - first[2]));
}

CellField::CellField(std::uint64_t seed, float cell_nm, const Bounds& extent)
    : seed_(seed),
      cell_nm_(cell_nm),
      neurites_(make_grid(cell_nm, extent.grown(3 * kReach * cell_nm))),
      bodies_(make_grid(cell_nm * kBodySpacing, extent.grown(3 * kReach * cell_nm))) {}

std::uint64_t CellField::index_count() const {
  return neurites_.cells() + bodies_.cells();
}

CellField::Grid CellField::make_grid(float spacing, const Bounds& extent) {
  const float low[3] = {extent.low.z, extent.low.y, extent.low.x};
  const float high[3] = {extent.high.z, extent.high.y, extent.high.x};
  Grid grid{};
  grid.spacing = spacing;
  for (int a = 0; a < 3; ++a) {
    grid.first[a] = static_cast<std::int64_t>(std::floor(low[a] / spacing));
    grid.count[a] = static_cast<std::int64_t>(std::floor(high[a] / spacing)) + 1 - grid.first[a];
  }
  return grid;
}

Site CellField::neurite(std::int64_t z, std::int64_t y, std::int64_t x) const {
  const std::uint64_t key =
      core::mix({seed_, kNeuriteStream, key_part(z), key_part(y), key_part(x)});
  core::Rng rng(key);
  Site site;
  site.key = key;
  site.index = static_cast<std::uint32_t>(neurites_.linear(z, y, x));
  site.centre = jittered(rng, z, y, x, cell_nm_);
  site.axis = random_direction(rng);
  const float elongation = between(rng, 1.0, 2.4);
  site.shrink = 1.0F - 1.0F / (elongation * elongation);
  const float size = between(rng, 0.85, 1.2);
  site.inverse_area = 1.0F / (size * size);
  const float heavy = between(rng, 0, 1);
  site.weight = 0.5F * heavy * heavy * cell_nm_ * cell_nm_;
  return site;
}

std::optional<Site> CellField::body(std::int64_t z, std::int64_t y, std::int64_t x) const {
  const std::uint64_t key = core::mix({seed_, kBodyStream, key_part(z), key_part(y), key_part(x)});
  core::Rng rng(key);
  if (!rng.chance(kBodyChance)) {
    return std::nullopt;
  }
  Site site;
  site.key = key;
  site.index = static_cast<std::uint32_t>(neurites_.cells() + bodies_.linear(z, y, x));
  site.centre = jittered(rng, z, y, x, bodies_.spacing);
  site.axis = random_direction(rng);
  const float elongation = between(rng, 1.0, 1.25);
  site.shrink = 1.0F - 1.0F / (elongation * elongation);
  const float radius = between(rng, 1.05, 1.45) * cell_nm_;
  site.weight = radius * radius;
  site.nucleus_radius = 0.72F * radius;
  return site;
}

std::vector<Site> CellField::centred_in(const Bounds& bounds) const {
  std::vector<Site> sites;
  visit_grid(neurites_.spacing, bounds, [&](std::int64_t z, std::int64_t y, std::int64_t x) {
    sites.push_back(neurite(z, y, x));
  });
  visit_grid(bodies_.spacing, bounds, [&](std::int64_t z, std::int64_t y, std::int64_t x) {
    if (const std::optional<Site> site = body(z, y, x)) {
      sites.push_back(*site);
    }
  });
  return sites;
}

std::vector<Site> CellField::sites_around(const Point& p, float radius_nm) const {
  std::vector<Site> sites = centred_in(Bounds{p, p}.grown(radius_nm));
  std::erase_if(sites, [&](const Site& site) { return length(site.centre - p) > radius_nm; });
  return sites;
}

std::vector<Site> CellField::sites_in(const Bounds& bounds, float margin_nm) const {
  return relevant(centred_in(bounds.grown(kReach * cell_nm_)), bounds, margin_nm);
}

std::vector<Site> CellField::relevant(std::span<const Site> sites, const Bounds& bounds,
                                      float margin_nm) const {
  const float reach = kReach * cell_nm_;
  const Point centre = bounds.centre();
  const float radius = bounds.half_diagonal() + margin_nm;
  std::vector<float> lowest(sites.size());
  float bar = std::numeric_limits<float>::max();
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const Site& site = sites[i];
    const float metric = std::sqrt(std::max(0.0F, site.value(centre) + site.weight));
    const float change = radius * std::sqrt(site.inverse_area);
    const float near = std::max(0.0F, metric - change);
    lowest[i] = near * near - site.weight;
    // only a site that counts everywhere in the bounds may rule out others
    if (length(site.centre - centre) + radius <= reach) {
      bar = std::min(bar, (metric + change) * (metric + change) - site.weight);
    }
  }
  std::vector<Site> kept;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    if (lowest[i] <= bar && bounds.distance(sites[i].centre) <= reach) {
      kept.push_back(sites[i]);
    }
  }
  return kept;
}

}  // namespace retina::phantom
