#include "retina/phantom/organelles.h"

#include <map>

#include <gtest/gtest.h>

namespace retina::phantom {
namespace {

std::vector<CellContents> filled_cells() {
  const CellField field(21, 440, {{0, 0, 0}, {3000, 3000, 3000}});
  std::vector<CellContents> cells;
  for (const Site& site : field.sites_in({{900, 900, 900}, {2100, 2100, 2100}}, 0)) {
    cells.push_back(fill_cell(field, site, 1));
  }
  return cells;
}

TEST(CellContents, SynapsesAreSeenFromBothSides) {
  const std::vector<CellContents> cells = filled_cells();
  std::map<std::uint32_t, const CellContents*> by_index;
  for (const CellContents& cell : cells) {
    by_index[cell.site.index] = &cell;
  }
  int both = 0;
  int all = 0;
  for (const CellContents& cell : cells) {
    for (const Synapse& synapse : cell.synapses) {
      const auto other = synapse.from == cell.site.index ? synapse.to : synapse.from;
      if (const auto found = by_index.find(other); found != by_index.end()) {
        ++all;
        for (const Synapse& back : found->second->synapses) {
          both +=
              back.from == synapse.from && back.to == synapse.to && back.centre == synapse.centre
                  ? 1
                  : 0;
        }
      }
    }
  }
  ASSERT_GT(all, 20);
  EXPECT_GT(both, 9 * all / 10);
}

TEST(CellContents, RoundBodiesTouchNoMitochondrion) {
  std::size_t vesicles = 0;
  for (const CellContents& cell : filled_cells()) {
    vesicles += cell.vesicles.size();
    for (const Mitochondrion& m : cell.mitochondria) {
      for (const Ball& ball : cell.vesicles) {
        EXPECT_GT(m.distance(ball.centre), ball.radius);
      }
      for (const Ball& ball : cell.lysosomes) {
        EXPECT_GT(m.distance(ball.centre), ball.radius);
      }
    }
  }
  EXPECT_GT(vesicles, 50U);
}

TEST(CellContents, NucleusIsInsideItsCellBody) {
  CellContents cell;
  EXPECT_GT(cell.nucleus_distance({0, 0, 0}), 1e6F);
  cell.site.nucleus_radius = 100;
  cell.site.axis = {1, 0, 0};
  EXPECT_LT(cell.nucleus_distance({0, 0, 0}), 0);
  EXPECT_NEAR(cell.nucleus_distance({0, 0, 100}), 0, 1e-3);
}

TEST(CellContents, AreAFunctionOfSeedAndCell) {
  const auto first = filled_cells();
  const auto second = filled_cells();
  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].tone, second[i].tone);
    EXPECT_EQ(first[i].vesicles.size(), second[i].vesicles.size());
    EXPECT_EQ(first[i].mitochondria.size(), second[i].mitochondria.size());
  }
}

}  // namespace
}  // namespace retina::phantom
