#include <set>
#include <tuple>

#include "process.h"
#include "program.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/testing/temp_folder.h"

namespace retina::e2e {
namespace {

constexpr std::uint8_t kNotKnown = 255;

/// Leaves of a mask two boxes, in opposite corners.
void forget_all_but_two_boxes(const std::filesystem::path& mask) {
  core::Array labels;
  {
    const auto file = store::open(mask.string());
    labels = file->read(core::whole(file->shape()));
  }
  const core::Vec3 shape = labels.shape();
  for (std::int64_t y = 0; y < shape[1]; ++y) {
    for (std::int64_t x = 0; x < shape[2]; ++x) {
      const bool is_first = y >= 4 && y < 44 && x >= 6 && x < 46;
      const bool is_second = y >= 50 && y < 92 && x >= 50 && x < 90;
      if (!is_first && !is_second) {
        labels.at<std::uint8_t>(0, 0, y, x) = kNotKnown;
      }
    }
  }
  std::filesystem::remove(mask);
  const auto file = store::create(mask.string(), {.shape = shape});
  file->write(core::whole(shape), labels);
  file->finish();
}

/// A trained model, and two other images in which two regions each were corrected.
class LeaveOneOutE2e : public ::testing::Test {
 protected:
  void SetUp() override {
    write_small_training(folder_.path());
    const Outcome start = run_retina(folder_.path(), small_training(folder_.path(), "start"));
    ASSERT_EQ(start.exit_code, 0) << start.standard_error;
    write_blob_dataset(folder_ / "corrected", 2, 50, 96);
    for (const char* name : {"slice0.png", "slice1.png"}) {
      forget_all_but_two_boxes(folder_ / "corrected/masks" / name);
    }
  }

  std::string arguments(const std::string& run) const {
    return "finetune -c " + (folder_ / "c.json").string() + " --init " +
           (folder_ / "start").string() +
           " --leave-one-region-out --set data.ignore_value=255 --images " +
           (folder_ / "corrected/images").string() + " --masks " +
           (folder_ / "corrected/masks").string() + " -o " + (folder_ / run).string();
  }

  Outcome run(const std::string& command) const { return run_retina(folder_.path(), command); }

  testing::TempFolder folder_;
};

TEST_F(LeaveOneOutE2e, TellsWhatIsGainedOnEveryRegion) {
  const Outcome outcome = run(arguments("run") + " --json");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.standard_error;
  const Json result = outcome.json().at("leave_one_out");
  ASSERT_EQ(result.at("regions").size(), 4U);
  double sum = 0;
  std::set<std::tuple<std::string, int, int>> places;
  for (const Json& region : result.at("regions")) {
    places.emplace(region.at("slice").get<std::string>(), region.at("y").get<int>(),
                   region.at("x").get<int>());
    const Json& scores = region.at("classes").at(0);
    EXPECT_EQ(scores.at("name"), "blob");
    const double gain =
        scores.at("after").at("dice").get<double>() - scores.at("before").at("dice").get<double>();
    EXPECT_NEAR(region.at("gain_dice").get<double>(), gain, 1e-12);
    sum += gain;
  }
  EXPECT_EQ(places,
            (std::set<std::tuple<std::string, int, int>>{
                {"slice0", 4, 6}, {"slice0", 50, 50}, {"slice1", 4, 6}, {"slice1", 50, 50}}));
  EXPECT_NEAR(result.at("mean_gain_dice").get<double>(), sum / 4, 1e-12);
  EXPECT_EQ(Json::parse(slurp(folder_ / "run/regions.json")), result);
  EXPECT_THAT(slurp(folder_ / "run/report.html"), ::testing::HasSubstr("Left-out regions"));
  EXPECT_THAT(slurp(folder_ / "run/log.txt"),
              ::testing::HasSubstr("mean gain over 4 left-out regions"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run/left_out"));
}

TEST_F(LeaveOneOutE2e, AKilledRunGoesOnWithTheNextRegion) {
  const Outcome whole = run(arguments("whole"));
  ASSERT_EQ(whole.exit_code, 0) << whole.standard_error;
  EXPECT_THAT(whole.standard_output, ::testing::HasSubstr("mean gain over 4 left-out regions"));
  {
    Process process(folder_.path(), std::string(RETINA_PROGRAM) + " " + arguments("cut"));
    EXPECT_TRUE(appears(folder_ / "cut/regions.json"));
    process.signal(SIGKILL);
    process.wait();
  }
  const std::size_t logged = slurp(folder_ / "cut/log.txt").size();
  const Outcome rest = run("finetune --resume -o " + (folder_ / "cut").string());
  ASSERT_EQ(rest.exit_code, 0) << rest.standard_error;
  const std::string log_of_rest = slurp(folder_ / "cut/log.txt").substr(logged);
  EXPECT_THAT(log_of_rest, ::testing::Not(::testing::HasSubstr("region 1 of 4, ")));
  EXPECT_THAT(log_of_rest, ::testing::HasSubstr("region 4 of 4, "));
  for (const char* file : {"regions.json", "model/weights.safetensors"}) {
    EXPECT_TRUE(slurp(folder_ / "cut" / file) == slurp(folder_ / "whole" / file)) << file;
  }
}

TEST_F(LeaveOneOutE2e, RefusesWhatGivesNoGain) {
  const Outcome no_start = run(small_training(folder_.path(), "run") + " --leave-one-region-out");
  EXPECT_EQ(no_start.exit_code, 2);
  EXPECT_THAT(no_start.standard_error, ::testing::HasSubstr("--init MODEL"));
  const Outcome one =
      run(small_training(folder_.path(), "run") + " --leave-one-region-out --init " +
          (folder_ / "start").string() + " --set data.slices=0:1");
  EXPECT_EQ(one.exit_code, 2);
  EXPECT_THAT(one.standard_error,
              ::testing::HasSubstr("one labelled region, slice0 y=0..96 x=0..96"));
  const Outcome replaced = run(arguments("start") + " --overwrite");
  EXPECT_EQ(replaced.exit_code, 2);
  EXPECT_THAT(replaced.standard_error, ::testing::HasSubstr("choose another output"));

  Process ranks(folder_.path(), "env RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=29471 " +
                                    std::string(RETINA_PROGRAM) + " " + arguments("run"));
  EXPECT_EQ(ranks.wait().exit_code, 2);
  EXPECT_THAT(slurp(folder_ / "err.txt"), ::testing::HasSubstr("2 ranks"));
}

}  // namespace
}  // namespace retina::e2e
