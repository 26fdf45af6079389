#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "program.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/pipeline/prepare/prepare_test_data.h"
#include "retina/testing/fixtures.h"
#include "retina/testing/temp_folder.h"

namespace retina::e2e {
namespace {

namespace downloads = pipeline::downloads;

/// A network and runs of milliseconds in place of a grid's own, two processes for the cells.
constexpr const char* kTinyRuns =
    " --jobs 2 --threads 1 --device cpu --no-pictures --seeds 1 --set finetune.preset=retina-tiny"
    " --set finetune.steps=1 --set finetune.batch=2 --set finetune.validation.max_slices=1"
    R"( --set 'finetune.network={"window": 32, "pixel_stride": 1, "hidden": 24, "mlp": 48,)"
    R"( "heads": 3, "layers": 1, "resnet_units": [1, 1, 1], "decoder_head_channels": 16,)"
    R"( "decoder_channels": [16, 8, 8, 8]}' --set 'inits=[{"name": "random"}]')";

/// Grids that the repository ships, as `retina compare --dry-run` reads them: that opens every
/// data set and the weights.
class ShippedGridE2e : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto model = testing::source_dir() / "models/retina-tiny-pretrained";
    ::setenv("RETINA_PRETRAINED", model.c_str(), 1);
    ::setenv("RETINA_DATA", testing::data_root().c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv("RETINA_PRETRAINED");
    ::unsetenv("RETINA_BENCHMARKS");
  }

  /// What `retina compare` says of a grid; null if it fails.
  Json compared(const std::string& grid, const std::string& options) const {
    std::filesystem::current_path(testing::source_dir());  // which the grids name files from
    const Outcome run =
        run_retina(folder_.path(), "compare --json -c " + testing::source_dir().string() +
                                       "/configs/compare/" + grid + " -o " +
                                       (folder_ / "out").string() + " " + options);
    EXPECT_EQ(run.exit_code, 0) << run.standard_error;
    return run.exit_code == 0 ? run.json() : Json();
  }

  std::int64_t cells_of(const std::string& grid) const {
    const Json plan = compared(grid, "--dry-run");
    return plan.is_null() ? 0 : plan["cells"].get<std::int64_t>();
  }

  /// Small data sets in the layout of all downloads that paper.yaml is made for, prepared.
  void prepare_benchmarks() const {
    prepare("cremi", downloads::put_cremi);
    prepare("guay", [](const auto& download) { downloads::put_guay(download / "in"); });
    prepare("kasthuri", downloads::put_kasthuri);
    for (const char* organelle : {"lysosomes", "mitochondria", "nuclei", "nucleoli"}) {
      prepare(std::string("perez-") + organelle, downloads::put_perez);
    }
    prepare("urocell", [](const auto& download) {
      for (const char* block :
           {"fib1-1-0-3", "fib1-3-2-1", "fib1-3-3-0", "fib1-4-3-0", "fib1-0-0-0"}) {
        downloads::put_urocell(download, block, {6, 60, 8}, 1);
      }
    });
    ::setenv("RETINA_BENCHMARKS", (folder_ / "benchmarks").c_str(), 1);
  }

  void prepare(const std::string& name,
               const std::function<void(const testing::TempFolder&)>& write) const {
    const testing::TempFolder download;
    write(download);
    const Outcome prepared =
        run_retina(folder_.path(), "prepare " + name + " " + (download / "in").string() + " -o " +
                                       (folder_ / "benchmarks" / name).string());
    ASSERT_EQ(prepared.exit_code, 0) << name << ": " << prepared.standard_error;
  }

  const testing::TempFolder folder_;
};

TEST_F(ShippedGridE2e, Tiny) {
  RETINA_SKIP_WITHOUT(testing::data_root() / "vnc");
  EXPECT_EQ(cells_of("tiny.yaml"), 2 * 2 * 3 * 5);
}

TEST_F(ShippedGridE2e, PaperOverPreparedDataSets) {
  prepare_benchmarks();
  EXPECT_EQ(cells_of("paper.yaml"), 8 * 2 * 6);
  const Json report = compared("paper.yaml", kTinyRuns);
  ASSERT_FALSE(report.is_null());
  EXPECT_EQ(report["trained"], 8) << "by the jobs";
  std::vector<std::string> datasets;
  for (const Json& run : report["runs"]) {
    datasets.push_back(run["dataset"].get<std::string>());
    for (const char* score : {"iou", "f", "recall"}) {  // defined where nothing is predicted too
      const Json value = run["scores"].value(std::string(score), Json());
      EXPECT_TRUE(value.is_number()) << datasets.back() << ": " << score << " is " << value;
    }
  }
  EXPECT_THAT(datasets, ::testing::ElementsAre("cremi", "guay", "kasthuri", "perez-lysosomes",
                                               "perez-mitochondria", "perez-nuclei",
                                               "perez-nucleoli", "urocell"));
  ASSERT_EQ(report["group_means"].size(), 1U);
  EXPECT_EQ(report["group_means"][0]["datasets"], 4) << "of Perez";

  const std::filesystem::path log = folder_ / "out/job2.log";
  const auto written = std::filesystem::last_write_time(log);
  EXPECT_EQ(compared("paper.yaml", kTinyRuns)["trained"], 0);
  EXPECT_EQ(std::filesystem::last_write_time(log), written) << "no job where no cell is missing";
}

}  // namespace
}  // namespace retina::e2e
