#include "retina/phantom/cells.h"

#include <set>

#include <gtest/gtest.h>

#include "retina/phantom/noise.h"

namespace retina::phantom {
namespace {

CellField field_of_cells() {
  return CellField(5, 400, {{0, 0, 0}, {2000, 2000, 2000}});
}

Point point_in(core::Rng& rng, const Bounds& b) {
  const auto z = static_cast<float>(rng.uniform(b.low.z, b.high.z));
  const auto y = static_cast<float>(rng.uniform(b.low.y, b.high.y));
  return {z, y, static_cast<float>(rng.uniform(b.low.x, b.high.x))};
}

TEST(CellField, OwnerOfAPointDoesNotDependOnTheBlockAskedFor) {
  const CellField field = field_of_cells();
  const Bounds large{{300, 300, 300}, {900, 900, 900}};
  const Bounds small{{500, 600, 400}, {560, 660, 460}};
  const std::vector<Site> many = field.sites_in(large, 60);
  const std::vector<Site> few = field.relevant(many, small, 60);
  ASSERT_LT(few.size(), many.size());
  core::Rng rng(1);
  for (int i = 0; i < 200; ++i) {
    const Point p = point_in(rng, small);
    EXPECT_EQ(probe(few, p).cell->index, probe(many, p).cell->index);
  }
}

TEST(CellField, CandidatesOfASmallBlockAreTheSameByWhicheverWay) {
  const CellField field = field_of_cells();
  const Bounds small{{500, 600, 400}, {560, 660, 460}};
  const auto indices = [](const std::vector<Site>& sites) {
    std::set<std::uint32_t> set;
    for (const Site& site : sites) {
      set.insert(site.index);
    }
    return set;
  };
  const std::vector<Site> wide = field.sites_in(small.grown(700), 60);
  EXPECT_EQ(indices(field.relevant(wide, small, 60)), indices(field.sites_in(small, 60)));
}

TEST(CellField, IndicesAreUniqueAndBelowTheCount) {
  const CellField field = field_of_cells();
  const std::vector<Site> sites = field.sites_in({{0, 0, 0}, {2000, 2000, 2000}}, 0);
  std::set<std::uint32_t> seen;
  for (const Site& site : sites) {
    EXPECT_TRUE(seen.insert(site.index).second);
    EXPECT_LT(site.index, field.index_count());
  }
}

TEST(CellField, HoldsCellBodiesWithNuclei) {
  const CellField field(5, 400, {{0, 0, 0}, {8000, 8000, 8000}});
  const std::vector<Site> sites = field.sites_in({{0, 0, 0}, {8000, 8000, 8000}}, 0);
  const auto bodies = std::count_if(sites.begin(), sites.end(),
                                    [](const Site& site) { return site.nucleus_radius > 0; });
  EXPECT_GT(bodies, 10);
  EXPECT_LT(bodies, static_cast<std::ptrdiff_t>(sites.size()) / 50);
}

TEST(CellProbe, BorderLiesWhereTheOwnerChanges) {
  const CellField field = field_of_cells();
  const std::vector<Site> sites = field.sites_in({{400, 400, 400}, {900, 900, 900}}, 100);
  core::Rng rng(2);
  int crossed = 0;
  for (int i = 0; i < 300; ++i) {
    const Point p = point_in(rng, {{500, 500, 500}, {800, 800, 800}});
    const CellProbe here = probe(sites, p);
    if (here.border_distance < 30) {
      const CellProbe beyond = probe(sites, p + here.outward * (1.3F * here.border_distance + 1));
      crossed += beyond.cell != here.cell ? 1 : -1;
    }
  }
  EXPECT_GT(crossed, 20);
}

}  // namespace
}  // namespace retina::phantom
