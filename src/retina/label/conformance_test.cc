// Objects and holes against cc3d and scipy; skipped where the tools environment is absent.
#include <filesystem>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/label/clean.h"
#include "retina/label/label_test_data.h"
#include "retina/testing/fixtures.h"
#include "retina/testing/python_script.h"
#include "retina/testing/temp_folder.h"

namespace retina::label {
namespace {

namespace fs = std::filesystem;

/// Labels and ids of `labels` after cleaning by `rules` in random blocks.
CleanedLabels::Block cleaned_in_blocks(const core::Array& labels, const CleanRules& rules,
                                       core::Rng& rng) {
  const auto volume = core::in_memory(labels);
  const CleanedLabels cleaned(*volume, BlockGrid(labels.shape(), random_block(labels.shape(), rng)),
                              rules, core::silent_context());
  CleanedLabels::Block whole{core::Array(core::DType::u8, 1, labels.shape()),
                             core::Array(core::DType::u64, 1, labels.shape())};
  for (std::int64_t i = 0; i < cleaned.grid().count(); ++i) {
    const CleanedLabels::Block part = cleaned.read(i);
    const core::Vec3 start = cleaned.grid().box(i).start;
    core::copy_overlap(part.labels, start, whole.labels, {0, 0, 0});
    if (rules.ids == ObjectIds::wanted) {
      core::copy_overlap(part.ids, start, whole.ids, {0, 0, 0});
    }
  }
  return whole;
}

class ConformanceCase {
 public:
  ConformanceCase(const fs::path& folder, int number, const core::Array& labels, core::Rng& rng)
      : folder_(folder), name_("case" + std::to_string(number)) {
    const core::Vec3& shape = labels.shape();
    json_ = {{"shape", {shape[0], shape[1], shape[2]}}, {"labels", save("labels", labels)}};
    const std::map<std::string, ComponentRules> kinds = {
        {"4", {Connectivity::faces, Extent::slices, Grouping::by_value}},
        {"8", {Connectivity::corners, Extent::slices, Grouping::by_value}},
        {"6", {Connectivity::faces, Extent::volume, Grouping::by_value}},
        {"18", {Connectivity::edges, Extent::volume, Grouping::by_value}},
        {"26", {Connectivity::corners, Extent::volume, Grouping::by_value}}};
    for (const auto& [kind, objects] : kinds) {
      const CleanRules rules{.objects = objects, .ids = ObjectIds::wanted};
      json_["ids"][kind] = save("ids" + kind, cleaned_in_blocks(labels, rules, rng).ids);
    }
    for (const FillHoles how : {FillHoles::slices, FillHoles::volume}) {
      const std::string kind = how == FillHoles::slices ? "2d" : "3d";
      const CleanRules rules{.fill_holes = how};
      json_["filled"][kind] = save("filled" + kind, cleaned_in_blocks(labels, rules, rng).labels);
    }
  }

  const Json& json() const { return json_; }

 private:
  std::string save(const std::string& what, const core::Array& values) {
    const std::string name = name_ + "." + what;
    core::write_atomically(folder_ / name, values.bytes());
    return name;
  }

  fs::path folder_;
  std::string name_;
  Json json_;
};

TEST(ComponentsConformanceE2e, EqualCc3dAndScipyOnRandomVolumes) {
  RETINA_SKIP_WITHOUT(testing::tools_python());
  const testing::TempFolder folder;
  core::Rng rng(17);
  Json cases = Json::array();
  for (int i = 0; i < 24; ++i) {
    const core::Vec3 shape{rng.integer(2, 12), rng.integer(2, 24), rng.integer(2, 30)};
    const core::Array labels =
        random_classes(shape, 1 + i % 3, rng.uniform(0.15, 0.9), static_cast<std::uint64_t>(i));
    cases.push_back(ConformanceCase(folder.path(), i, labels, rng).json());
  }
  core::write_atomically(folder / "cases.json", cases.dump());
  EXPECT_EQ(testing::run_script("check_components.py", "check", folder.path()), "equal\n");
}

}  // namespace
}  // namespace retina::label
