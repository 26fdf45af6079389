#include "retina/engine/window_plan.h"

#include <map>
#include <set>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::engine {
namespace {

using Starts = std::vector<std::int64_t>;

TEST(WindowPlan, PublishedStartsFollowTheArticlesScripts) {
  const WindowOptions published = published_windows();
  EXPECT_EQ(plan_axis(256, 224, published).starts, (Starts{0, 32}));
  EXPECT_EQ(plan_axis(480, 224, published).starts, (Starts{0, 67, 134, 201, 256}));
  EXPECT_EQ(plan_axis(224, 224, published).starts, (Starts{0}));
  const Starts long_axis = plan_axis(1250, 224, published).starts;
  ASSERT_EQ(long_axis.size(), 17U);
  EXPECT_EQ(long_axis[15], 1005);
  EXPECT_EQ(long_axis[16], 1026);
  EXPECT_EQ(plan_axis(1024, 224, published).count(), 13);
}

TEST(WindowPlan, PublishedStepIsTruncated) {
  WindowOptions options = published_windows();
  for (const auto& [overlap, step] :
       std::map<double, std::int64_t>{{0.7, 67}, {0.5, 112}, {0.2, 179}}) {
    options.overlap = overlap;
    EXPECT_EQ(plan_axis(2000, 224, options).starts[1], step) << overlap;
  }
}

TEST(WindowPlan, PadsASmallSideWithTheOddPixelBehind) {
  const AxisPlan plan = plan_axis(187, 224, published_windows());
  EXPECT_EQ(plan.pad_low, 18);
  EXPECT_EQ(plan.padded(), 224);
  EXPECT_EQ(plan.starts, (Starts{0}));
}

TEST(WindowPlan, SpreadsTheFewestWindowsEvenly) {
  EXPECT_EQ(plan_axis(1024, 224, WindowOptions{}).starts, (Starts{0, 200, 400, 600, 800}));
  EXPECT_EQ(plan_axis(225, 224, WindowOptions{}).starts, (Starts{0, 1}));
  EXPECT_EQ(plan_axis(10, 224, WindowOptions{}).starts, (Starts{0}));
}

TEST(WindowPlan, CoversEveryPixelWithAtLeastTheOverlap) {
  for (const Layout layout : {Layout::spread, Layout::stepped}) {
    for (std::int64_t extent = 1; extent < 700; extent += 7) {
      const AxisPlan plan = plan_axis(extent, 64, {.overlap = 0.2, .layout = layout});
      EXPECT_EQ(plan.starts.front(), 0);
      EXPECT_EQ(plan.starts.back() + 64, plan.padded());
      for (std::size_t i = 1; i < plan.starts.size(); ++i) {
        EXPECT_LE(plan.starts[i] - plan.starts[i - 1], 64 - 12) << extent;
        EXPECT_GT(plan.starts[i], plan.starts[i - 1]) << extent;
      }
    }
  }
}

TEST(WindowPlan, FindsTheWindowsThatMeetASpan) {
  const AxisPlan plan = plan_axis(1024, 224, WindowOptions{});
  EXPECT_EQ(plan.windows_meeting({0, 1024}), (Span{0, 5}));
  EXPECT_EQ(plan.windows_meeting({224, 225}), (Span{1, 2}));
  EXPECT_EQ(plan.windows_meeting({223, 224}), (Span{0, 2}));
  EXPECT_EQ(plan.pixels_of({1, 3}), (Span{200, 624}));
}

TEST(WindowPlan, WindowsOfAPaddedSideSeeTheWholeSide) {
  const AxisPlan plan = plan_axis(100, 224, WindowOptions{});
  EXPECT_EQ(plan.pixels_of(plan.windows_meeting({40, 41})), (Span{0, 100}));
}

TEST(WindowPlan, RegionsNeedOnlyTheirWindows) {
  const PlanePlan plan = plan_plane(1024, 1024, 224, WindowOptions{});
  EXPECT_EQ(windows_needed(plan, {{0, 1024}, {0, 1024}}), 25);
  EXPECT_EQ(windows_needed(plan, {{0, 200}, {0, 1024}}), 5);
  EXPECT_EQ(pixels_needed(plan, {{0, 200}, {0, 1024}}), (Region{{0, 224}, {0, 1024}}));
}

TEST(WindowPlan, AWindowHasItsSlotWhateverTheCut) {
  const PlanePlan plan = plan_plane(500, 700, 224, WindowOptions{});
  using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t>;
  std::map<Key, int> whole;
  for (const WindowTask& task : assign_batches(plan, {{0, 500}, {0, 700}}, 0, 6, 4)) {
    whole[{task.plane, task.row, task.column}] = task.slot;
  }
  EXPECT_EQ(std::ssize(whole), 6 * plan.count());
  for (const WindowTask& task : assign_batches(plan, {{100, 300}, {250, 700}}, 2, 3, 4)) {
    EXPECT_EQ((whole.at({task.plane + 2, task.row, task.column})), task.slot);
  }
}

TEST(WindowPlan, NoSlotOfABatchIsUsedTwice) {
  const PlanePlan plan = plan_plane(500, 700, 224, WindowOptions{});
  std::set<std::pair<std::int64_t, int>> used;
  std::int64_t batches = 0;
  const auto tasks = assign_batches(plan, {{0, 250}, {0, 700}}, 1, 5, 4);
  for (const WindowTask& task : tasks) {
    EXPECT_TRUE(used.emplace(task.batch, task.slot).second);
    batches = std::max(batches, task.batch + 1);
  }
  EXPECT_LE(batches, std::ssize(tasks) / 4 + 2);
}

TEST(WindowPlan, ChoosesTheBatchThatWastesLeast) {
  EXPECT_EQ(least_wasteful_batch(25, 4, 8), 5);
  EXPECT_EQ(least_wasteful_batch(16, 4, 8), 8);
  EXPECT_EQ(least_wasteful_batch(1, 1, 8), 1);
}

TEST(WindowPlan, ReportsAllBadOptionsAtOnce) {
  const WindowOptions options{.window = 100, .overlap = 1.5, .batch = -1};
  EXPECT_EQ(options.validate().size(), 3U);
  EXPECT_TRUE(published_windows().validate().empty());
}

TEST(WindowPlan, ALongStripIsCoveredToItsEnd) {
  for (const WindowOptions& options : {published_windows(), WindowOptions{}}) {
    const PlanePlan plan = plan_plane(200'000, 300, 224, options);
    EXPECT_EQ(plan.y.starts.front(), 0);
    EXPECT_EQ(plan.y.starts.back(), 200'000 - 224);
    EXPECT_EQ(plan.x.starts.back(), 300 - 224);
    for (std::size_t i = 1; i < plan.y.starts.size(); ++i) {
      EXPECT_LE(plan.y.starts[i] - plan.y.starts[i - 1], 224);
    }
    EXPECT_EQ(windows_needed(plan, {{0, 200'000}, {0, 300}}), plan.count());
  }
}

}  // namespace
}  // namespace retina::engine
