#include <filesystem>
#include <functional>
#include <string>
#include <utility>

#include "program.h"
#include <gtest/gtest.h>

#include "retina/pipeline/prepare/prepare_test_data.h"
#include "retina/testing/fixtures.h"
#include "retina/testing/temp_folder.h"

namespace retina::e2e {
namespace {

namespace downloads = pipeline::downloads;

/// Grids that the repository ships, as `retina compare --dry-run` reads them: that opens every
/// data set and the weights.
class ShippedGridE2e : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto model = testing::source_dir() / "models/retina-tiny-pretrained";
    ::setenv("RETINA_PRETRAINED", model.c_str(), 1);
    ::setenv("RETINA_DATA", testing::data_root().c_str(), 1);
  }
  void TearDown() override { ::unsetenv("RETINA_PRETRAINED"); }

  std::int64_t cells_of(const std::string& grid) const {
    std::filesystem::current_path(testing::source_dir());  // which the grids name files from
    const Outcome plan = run_retina(
        folder_.path(), "compare --dry-run --json -c " + testing::source_dir().string() +
                            "/configs/compare/" + grid + " -o " + (folder_ / "out").string());
    EXPECT_EQ(plan.exit_code, 0) << plan.standard_error;
    return plan.exit_code == 0 ? plan.json()["cells"].get<std::int64_t>() : 0;
  }

  const testing::TempFolder folder_;
};

TEST_F(ShippedGridE2e, Tiny) {
  RETINA_SKIP_WITHOUT(testing::data_root() / "vnc");
  EXPECT_EQ(cells_of("tiny.yaml"), 2 * 2 * 2 * 5);
}

TEST_F(ShippedGridE2e, TinyScope) {
  RETINA_SKIP_WITHOUT(testing::data_root() / "vnc");
  EXPECT_EQ(cells_of("tiny_scope.yaml"), 2 * 4 * 5);
}

TEST_F(ShippedGridE2e, PaperOverPreparedDataSets) {
  const auto prepare = [&](const std::string& name,
                           const std::function<void(const testing::TempFolder&)>& write) {
    const testing::TempFolder download;
    write(download);
    const Outcome prepared =
        run_retina(folder_.path(), "prepare " + name + " " + (download / "in").string() + " -o " +
                                       (folder_ / "benchmarks" / name).string());
    ASSERT_EQ(prepared.exit_code, 0) << name << ": " << prepared.standard_error;
  };
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
  EXPECT_EQ(cells_of("paper.yaml"), 8 * 2 * 6);
  ::unsetenv("RETINA_BENCHMARKS");
}

}  // namespace
}  // namespace retina::e2e
