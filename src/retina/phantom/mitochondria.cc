#include "retina/phantom/mitochondria.h"

#include <limits>
#include <optional>

#include "retina/phantom/noise.h"

namespace retina::phantom {
namespace {

constexpr std::uint64_t kStream = 201;
constexpr float kStep = 36.0F;      // nm between the nodes of a chain
constexpr float kThinnest = 58.0F;  // nm, least radius
constexpr float kGap = 40.0F;       // nm between two mitochondria
constexpr int kTriesPerStart = 10;

struct Node {
  Point at;
  float radius;
};

/// What surrounds a growing chain.
struct Surroundings {
  std::span<const Site> sites;
  const Site& cell;
  const std::vector<Mitochondrion>& earlier;

  /// The greatest radius that fits around `p`, and the way out; nothing outside the cell.
  std::optional<float> room(const Point& p, Point& outward) const {
    const CellProbe here = probe(sites, p);
    if (here.cell->index != cell.index) {
      return std::nullopt;
    }
    outward = here.outward;
    float radius = here.border_distance - kMitochondrionMargin;
    if (cell.nucleus_radius > 0) {
      radius = std::min(radius, length(p - cell.centre) - 1.15F * cell.nucleus_radius - kGap);
    }
    for (const Mitochondrion& other : earlier) {
      radius = std::min(radius, other.distance(p) - kGap);
    }
    return radius;
  }
};

class Grower {
 public:
  Grower(const Surroundings& around, core::Rng& rng) : around_(around), rng_(rng) {}

  std::optional<Node> start() {
    std::optional<Node> best;
    const double size = std::sqrt(1.0 / around_.cell.inverse_area + around_.cell.weight);
    const double spread = around_.cell.nucleus_radius > 0 ? size : 0.75 * size + 150;
    for (int i = 0; i < kTriesPerStart; ++i) {
      const Point way = random_direction(rng_);
      const Point p = around_.cell.centre + way * number(0, spread);
      Point outward;
      const std::optional<float> room = around_.room(p, outward);
      if (room && *room > kThinnest && (!best || *room > best->radius)) {
        best = Node{p, *room};
      }
    }
    return best;
  }

  /// Adds segments from `from` along `direction` until `reach` nm or until there is no room.
  void walk(Node from, Point direction, float reach, float thickness, Mitochondrion& out) {
    for (float done = 0; done < reach; done += kStep) {
      direction = normalised(direction + random_direction(rng_) * 0.28F);
      Point outward;
      const Point ahead = from.at + direction * kStep;
      std::optional<float> room = around_.room(ahead, outward);
      if (!room) {
        return;
      }
      if (*room < thickness) {
        direction = normalised(direction - outward * 0.5F);
      }
      const Point next = from.at + direction * kStep;
      room = around_.room(next, outward);
      if (!room || *room < kThinnest) {
        return;
      }
      const Node node{next, std::min(*room, thickness * number(0.9, 1.1))};
      add(from, node, out);
      from = node;
    }
  }

  float number(double low, double high) { return static_cast<float>(rng_.uniform(low, high)); }

 private:
  static void add(const Node& a, const Node& b, Mitochondrion& out) {
    out.segments.push_back({a.at, b.at, a.radius, b.radius});
    const float widest = std::max(a.radius, b.radius);
    const Bounds own = Bounds{b.at, b.at}.grown(widest);
    out.bounds.include(own.low);
    out.bounds.include(own.high);
  }

  const Surroundings& around_;
  core::Rng& rng_;
};

std::optional<Mitochondrion> grow_one(const Surroundings& around, core::Rng& rng) {
  Grower grower(around, rng);
  std::optional<Node> start = grower.start();
  if (!start) {
    return std::nullopt;
  }
  Mitochondrion grown;
  const float thickness = grower.number(78, 128);
  start->radius = std::min(start->radius, thickness);
  grown.bounds = Bounds{start->at, start->at}.grown(start->radius);
  const float reach = grower.number(90, 480);
  const Point wander = random_direction(rng);
  const Point direction = normalised(around.cell.axis + wander * 0.6F);
  grower.walk(*start, direction, reach, thickness, grown);
  grower.walk(*start, direction * -1.0F, reach, thickness, grown);
  if (grown.segments.size() < 2) {
    return std::nullopt;
  }
  if (rng.chance(0.3)) {  // a branch
    const auto last = static_cast<std::int64_t>(grown.segments.size()) - 1;
    const Segment fork = grown.segments[static_cast<std::size_t>(rng.integer(0, last))];
    const Point side = normalised(cross(direction, random_direction(rng)));
    grower.walk({fork.a, fork.radius_a}, side, grower.number(120, 320), 0.85F * thickness, grown);
  }
  const Point tilt = random_direction(rng);
  grown.crista_axis = normalised(direction * grower.number(-0.6, 1.0) + tilt);
  grown.crista_nm = grower.number(48, 66);
  grown.shade = grower.number(-10, 10);
  return grown;
}

int wanted_number(const Site& cell, core::Rng& rng, double density) {
  const double expected = density * (cell.nucleus_radius > 0 ? 9.0 : 0.8);
  const double whole = std::floor(expected);
  const int number = static_cast<int>(whole) + (rng.chance(expected - whole) ? 1 : 0);
  return std::min<int>(number, static_cast<int>(kMaxMitochondria));
}

}  // namespace

float Segment::distance(const Point& p) const {
  const Point along = b - a;
  const float t = std::clamp(dot(p - a, along) / std::max(dot(along, along), 1e-6F), 0.0F, 1.0F);
  return length(p - a - along * t) - (radius_a + (radius_b - radius_a) * t);
}

float Mitochondrion::distance(const Point& p) const {
  float least = std::numeric_limits<float>::max();
  for (const Segment& segment : segments) {
    least = std::min(least, segment.distance(p));
  }
  return least;
}

std::vector<Mitochondrion> grow_mitochondria(std::span<const Site> sites, const Site& cell,
                                             std::uint64_t seed, double density) {
  std::vector<Mitochondrion> grown;
  core::Rng rng{seed, kStream, cell.key};
  const int wanted = wanted_number(cell, rng, density);
  const Surroundings around{sites, cell, grown};
  for (int i = 0; i < wanted; ++i) {
    if (std::optional<Mitochondrion> one = grow_one(around, rng)) {
      one->id = cell.index * kMaxMitochondria + static_cast<std::uint32_t>(grown.size()) + 1;
      grown.push_back(std::move(*one));
    }
  }
  return grown;
}

}  // namespace retina::phantom
