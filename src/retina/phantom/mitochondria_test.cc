#include "retina/phantom/mitochondria.h"

#include <gtest/gtest.h>

#include "retina/phantom/noise.h"

namespace retina::phantom {
namespace {

struct GrownCell {
  std::vector<Site> sites;
  Site cell;
  std::vector<Mitochondrion> mitochondria;
};

/// Cells of a field that hold mitochondria.
std::vector<GrownCell> grown_cells() {
  const CellField field(11, 440, {{0, 0, 0}, {3000, 3000, 3000}});
  std::vector<GrownCell> cells;
  for (const Site& site : field.sites_in({{900, 900, 900}, {1900, 1900, 1900}}, 0)) {
    GrownCell cell{field.sites_around(site.centre, 3.3F * 440), site, {}};
    cell.mitochondria = grow_mitochondria(cell.sites, site, 11, 1.5);
    if (!cell.mitochondria.empty()) {
      cells.push_back(std::move(cell));
    }
  }
  return cells;
}

TEST(Segment, DistanceIsSignedAndZeroOnTheSurface) {
  const Segment segment{{0, 0, 0}, {0, 0, 100}, 20, 40};
  EXPECT_NEAR(segment.distance({20, 0, 0}), 0, 1e-3);
  EXPECT_NEAR(segment.distance({0, 0, 140}), 0, 1e-3);
  EXPECT_NEAR(segment.distance({30, 0, 50}), 0, 1e-3);
  EXPECT_LT(segment.distance({0, 0, 50}), 0);
  EXPECT_GT(segment.distance({0, 200, 50}), 0);
}

TEST(Mitochondria, NodesKeepTheirMarginFromTheBorder) {
  const auto cells = grown_cells();
  ASSERT_GT(cells.size(), 10U);
  for (const GrownCell& grown : cells) {
    for (const Mitochondrion& m : grown.mitochondria) {
      for (const Segment& segment : m.segments) {
        const CellProbe at = probe(grown.sites, segment.b);
        EXPECT_EQ(at.cell->index, grown.cell.index);
        EXPECT_GE(at.border_distance, segment.radius_b + kMitochondrionMargin - 0.1F);
      }
    }
  }
}

TEST(Mitochondria, EachIsOneChainOfTouchingSegments) {
  for (const GrownCell& grown : grown_cells()) {
    for (const Mitochondrion& m : grown.mitochondria) {
      for (std::size_t i = 1; i < m.segments.size(); ++i) {
        float nearest = 1e9F;
        for (std::size_t j = 0; j < i; ++j) {
          nearest = std::min({nearest, length(m.segments[i].a - m.segments[j].a),
                              length(m.segments[i].a - m.segments[j].b)});
        }
        EXPECT_EQ(nearest, 0.0F);
      }
    }
  }
}

TEST(Mitochondria, OfOneCellStayApart) {
  for (const GrownCell& grown : grown_cells()) {
    for (std::size_t i = 1; i < grown.mitochondria.size(); ++i) {
      EXPECT_NE(grown.mitochondria[i].id, grown.mitochondria[i - 1].id);
      for (const Segment& segment : grown.mitochondria[i].segments) {
        EXPECT_GT(grown.mitochondria[i - 1].distance(segment.b), segment.radius_b);
      }
    }
  }
}

TEST(Mitochondria, NoneAtDensityZero) {
  const CellField field(11, 440, {{0, 0, 0}, {3000, 3000, 3000}});
  const std::vector<Site> sites = field.sites_around({1000, 1000, 1000}, 900);
  EXPECT_TRUE(grow_mitochondria(sites, sites.front(), 11, 0).empty());
}

}  // namespace
}  // namespace retina::phantom
