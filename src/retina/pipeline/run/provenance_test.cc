#include "retina/pipeline/run/provenance.h"

#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/data/memory_dataset.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

TEST(Provenance, SourcesAreNamedAsTheConfigurationNamesThem) {
  data::DataOptions folder;
  folder.path = "raw/vnc";
  EXPECT_EQ(source_record(folder, 12), (Json{{"path", "raw/vnc"}, {"slices", 12}}));
  folder.slices = "0:4";
  folder.axes = {"xz"};
  folder.masks = "corrected";
  EXPECT_EQ(source_record(folder, 4), (Json{{"path", "raw/vnc"},
                                            {"masks", "corrected"},
                                            {"axes", {"xz"}},
                                            {"range", "0:4"},
                                            {"slices", 4}}));
  data::DataOptions volumes;
  volumes.images = "em.zarr";
  volumes.masks = "labels.zarr";
  EXPECT_EQ(source_record(volumes, 30),
            (Json{{"images", "em.zarr"}, {"masks", "labels.zarr"}, {"slices", 30}}));
}

TEST(Provenance, ASampledDigestTellsContentsApart) {
  const auto dataset = data::memory_dataset(40, 16);
  const DataDigest digest = sampled_digest(*dataset);
  EXPECT_EQ(digest.planes_read, 40);
  EXPECT_EQ(digest.planes, 40);
  EXPECT_EQ(sampled_digest(*data::memory_dataset(40, 16)).value, digest.value);
  EXPECT_NE(sampled_digest(*data::memory_dataset(39, 16)).value, digest.value);
  EXPECT_NE(sampled_digest(*data::memory_dataset(40, 17)).value, digest.value);
  dataset->slices.insert(dataset->slices.begin(), 3, dataset->slices.front());
  EXPECT_EQ(sampled_digest(*dataset).value, digest.value) << "listed anew for every patch in it";
  std::swap(dataset->volumes[7].image, dataset->volumes[8].image);
  EXPECT_NE(sampled_digest(*dataset).value, digest.value);
  EXPECT_EQ(sampled_digest(data::Dataset{}).planes, 0);
}

TEST(Provenance, OfLargePlanesAFewAreRead) {
  const core::Vec3 shape{12, 2400, 2400};  // 5.5 MiB each
  data::Dataset dataset;
  dataset.volumes.push_back({.name = "volume",
                             .image = core::in_memory(core::Array(core::DType::u8, 1, shape)),
                             .labels = nullptr,
                             .range = {}});
  dataset.slices = data::slices_across(shape, 0, 0, 1);
  const DataDigest digest = sampled_digest(dataset);
  EXPECT_EQ(digest.planes_read, 8);
  EXPECT_EQ(digest.planes, 12);
}

TEST(Provenance, AResumedRunMustHaveTheDataThatItBeganWith) {
  const testing::TempFolder run;
  const DataDigest first{.value = "a1", .planes_read = 2, .planes = 3};
  DataDigest other = first;
  other.planes = 4;
  require_same_data(run.path(), first, true);  // one that began before this was recorded
  require_same_data(run.path(), first, true);
  EXPECT_THROW(require_same_data(run.path(), other, true), Error);
  require_same_data(run.path(), first, true);
  require_same_data(run.path(), other, false);  // begun anew
  require_same_data(run.path(), other, true);
}

TEST(Provenance, WhereItRunsIsNoPartOfTheConfiguration) {
  RunInputs inputs;
  inputs.config = {{"output", "a"}, {"device", "cpu"}, {"steps", 3}, {"resume", false}};
  const Json first = provenance_of(inputs);
  inputs.config = {{"output", "b"}, {"device", "cuda"}, {"steps", 3}, {"resume", true}};
  EXPECT_EQ(provenance_of(inputs), first);
  inputs.config["steps"] = 4;
  EXPECT_NE(provenance_of(inputs).at("configuration_digest"), first.at("configuration_digest"));
  EXPECT_FALSE(first.contains("init_digest")) << "nothing was moved";
}

TEST(Provenance, ATableIsReadInLines) {
  Json table;
  table["preset"] = "retina";
  table["frozen"] = {"encoder", "decoder"};
  table["init"] = "";
  table["data"]["slices"] = 3;
  table["data"]["sources"].push_back(Json{{"path", "a"}, {"axes", {"xy", "xz"}}});
  EXPECT_EQ(table_lines(table, 2),
            "  preset                retina\n"
            "  frozen                encoder, decoder\n"
            "  init                  none\n"
            "  data\n"
            "    slices                3\n"
            "    sources\n"
            "      path a, axes xy, xz\n");
}

}  // namespace
}  // namespace retina::pipeline
