#include "retina/phantom/shading.h"

#include <gtest/gtest.h>

namespace retina::phantom {
namespace {

constexpr float kFar = 70.0F;

CellContents cell_with_mitochondrion() {
  CellContents cell;
  cell.site.index = 4;
  Mitochondrion m;
  m.id = 77;
  m.segments = {{{0, 0, 0}, {0, 0, 100}, 90, 90}};
  m.bounds = {{-90, -90, -90}, {90, 90, 190}};
  m.crista_axis = {0, 0, 1};
  cell.mitochondria = {m};
  return cell;
}

TissueVoxel shaded_at(const CellContents& cell, const Point& p, float border, std::uint32_t other) {
  const Bounds bounds = Bounds{p, p}.grown(30);
  LocalFields fields;
  fields.at = p;
  return shade(visible_within(cell, bounds), fields, border, other, 0.0F);
}

TEST(Shading, InstanceIsSetExactlyInsideTheMitochondrion) {
  const CellContents cell = cell_with_mitochondrion();
  const TissueVoxel inside = shaded_at(cell, {0, 0, 50}, kFar, 0);
  EXPECT_EQ(inside.structure, Structure::mitochondria);
  EXPECT_EQ(inside.instance, 77U);
  const TissueVoxel outside = shaded_at(cell, {0, 95, 50}, kFar, 0);
  EXPECT_EQ(outside.structure, Structure::background);
  EXPECT_EQ(outside.instance, 0U);
}

TEST(Shading, OuterMembraneIsDarkerThanMatrixAndCytoplasm) {
  const CellContents cell = cell_with_mitochondrion();
  const float rim = shaded_at(cell, {0, 87, 50}, kFar, 0).grey;
  EXPECT_LT(rim + 20, shaded_at(cell, {0, 20, 5}, kFar, 0).grey);
  EXPECT_LT(rim + 60, shaded_at(cell, {0, 130, 50}, kFar, 0).grey);
}

TEST(Shading, NoMitochondrionReachesTheMembrane) {
  const CellContents cell = cell_with_mitochondrion();
  EXPECT_NE(shaded_at(cell, {0, 0, 50}, 12, 0).structure, Structure::mitochondria);
  EXPECT_EQ(shaded_at(cell, {0, 0, 50}, 5, 0).structure, Structure::membrane);
}

TEST(Shading, CleftLiesOnlyAtTheBorderWithTheOtherCell) {
  CellContents cell;
  cell.site.index = 4;
  cell.synapses = {{.centre = {0, 0, 0}, .radius = 100, .from = 4, .to = 9}};
  EXPECT_EQ(shaded_at(cell, {0, 0, 10}, 5, 9).structure, Structure::synaptic_cleft);
  EXPECT_EQ(shaded_at(cell, {0, 0, 10}, 5, 8).structure, Structure::membrane);
  EXPECT_EQ(shaded_at(cell, {0, 0, 10}, kFar, 9).structure, Structure::background);
}

TEST(Shading, VesiclesLysosomesAndNucleiAreLabelled) {
  CellContents cell;
  cell.vesicles = {{{0, 0, 0}, 20}};
  cell.lysosomes = {{{0, 0, 300}, 50}};
  EXPECT_EQ(shaded_at(cell, {0, 0, 0}, kFar, 0).structure, Structure::vesicle);
  EXPECT_EQ(shaded_at(cell, {0, 0, 300}, kFar, 0).structure, Structure::lysosome);
  cell.site.nucleus_radius = 150;
  cell.site.centre = {0, 1000, 0};
  EXPECT_EQ(shaded_at(cell, {0, 1000, 0}, kFar, 0).structure, Structure::nucleus);
}

TEST(Shading, OnlyPartsInSightAreKept) {
  const CellContents cell = cell_with_mitochondrion();
  const Point far{0, 0, 5000};
  EXPECT_TRUE(visible_within(cell, Bounds{far, far}).mitochondria.empty());
  const Point near{0, 0, 50};
  EXPECT_EQ(visible_within(cell, Bounds{near, near}).mitochondria.size(), 1U);
}

}  // namespace
}  // namespace retina::phantom
