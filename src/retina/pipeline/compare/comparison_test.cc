#include "retina/pipeline/compare/comparison.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/pipeline/compare/comparison_page.h"
#include "retina/pipeline/compare/moments.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

ComparedRun run_with(const std::string& labels, const std::string& init, std::uint64_t seed,
                     double iou) {
  ComparedRun run{.dataset = "vnc", .labels = labels, .init = init, .seed = seed, .result = {}};
  run.result.training_slices = labels == "all" ? 12 : 1;
  run.result.steps = 20;
  run.result.precision = "fp32";
  run.result.seconds_per_step = 0.25;
  run.result.scores = {{"iou", iou}, {"recall", iou / 2}};
  run.result.curve = {{.step = 10, .iou = 0.1, .scores = {{"iou", iou / 2}, {"recall", iou / 4}}},
                      {.step = 20, .iou = 0.2, .scores = run.result.scores}};
  run.result.slices = {{.name = "z0", .iou = 0.9 * iou},
                       {.name = "z1", .iou = iou},
                       {.name = "z2", .iou = std::nullopt},
                       {.name = "z3", .iou = 0.2 * iou},
                       {.name = "z4", .iou = 0.5 * iou}};
  return run;
}

/// Three seeds each: the second initialisation is better throughout.
Comparison two_inits() {
  std::vector<ComparedRun> runs;
  for (const char* labels : {"1", "all"}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      const double step = 0.01 * static_cast<double>(seed);
      runs.push_back(run_with(labels, "random", seed, 0.5 + step));
      runs.push_back(run_with(labels, "pretrained", seed, 0.6 + step));
    }
  }
  return summarise(std::move(runs));
}

TEST(Comparison, SeedsAreGroupedAndInitialisationsTested) {
  const Comparison comparison = two_inits();
  ASSERT_EQ(comparison.groups.size(), 4U);
  EXPECT_EQ(comparison.groups[1].init, "pretrained");
  EXPECT_THAT(comparison.groups[1].runs, ElementsAre(1U, 3U, 5U));
  EXPECT_THAT(
      comparison.values(comparison.groups[0], "iou"),
      ElementsAre(::testing::DoubleEq(0.51), ::testing::DoubleEq(0.52), ::testing::DoubleEq(0.53)));
  EXPECT_THAT(comparison.steps(comparison.groups[0]), ElementsAre(10, 20));
  ASSERT_EQ(comparison.metrics.size(), 2U);
  ASSERT_EQ(comparison.tests.size(), 4U);  // 2 amounts of labels x 2 scores
  EXPECT_EQ(comparison.tests[0].metric, "iou");
  EXPECT_DOUBLE_EQ(comparison.tests[0].test.u, 0);
  EXPECT_NEAR(comparison.tests[0].test.p, 0.1, 1e-12);
}

/// The same with all scores that every data set has, and steps that become slower.
Comparison two_inits_with_all_scores() {
  std::vector<ComparedRun> runs = two_inits().runs;
  for (ComparedRun& run : runs) {
    std::map<std::string, double>& scores = run.result.scores;
    scores["f"] = scores.at("iou") + 0.1;
    scores["precision"] = scores.at("iou") + 0.25;
    scores["mfd"] = 10 * (1 - scores.at("iou"));
    run.result.seconds_per_step = 0.25 * static_cast<double>(run.seed);
  }
  return summarise(std::move(runs));
}

TEST(Comparison, TablesForPeopleAndPrograms) {
  const Comparison comparison = two_inits_with_all_scores();
  const std::string markdown = to_markdown(tables_of(comparison));
  EXPECT_THAT(markdown,
              HasSubstr("| labels | init       | runs | IoU             | F               "
                        "| precision       | recall          | MFD [px]    | s per step "
                        "   |\n"));
  EXPECT_THAT(markdown,
              HasSubstr("| 1      | random     | 3    | 0.5200 ± 0.0100 | 0.6200 ± 0.0100 "
                        "| 0.7700 ± 0.0100 | 0.2600 ± 0.0050 | 4.80 ± 0.10 | 0.500 ± "
                        "0.250 |\n"));
  EXPECT_THAT(markdown, HasSubstr("| random / pretrained | 0.1000 | 0.1000 | 0.1000    | 0.1000 | "
                                  "0.1000   |\n"));
  const std::string csv = to_csv(comparison);
  EXPECT_THAT(csv, HasSubstr("seconds_per_step,iou,f,precision,recall,mfd\n"));
  EXPECT_THAT(csv,
              HasSubstr("\nvnc,all,pretrained,3,fp32,12,20,0,0.75,0.63,0.73,0.88,0.315,3.7\n"));
  const Json json = to_json(comparison);
  EXPECT_EQ(json["runs"].size(), 12U);
  EXPECT_EQ(json["runs"][0]["seconds_per_step"], 0.25);
  const std::vector<std::tuple<const char*, double, double>> means{{"iou", 0.52, 0.01},
                                                                   {"f", 0.62, 0.01},
                                                                   {"precision", 0.77, 0.01},
                                                                   {"recall", 0.26, 0.005},
                                                                   {"mfd", 4.8, 0.1}};
  for (const auto& [score, mean, sd] : means) {
    const Json& group = json["groups"][0][score];
    EXPECT_EQ(group["n"], 3) << score;
    EXPECT_NEAR(group["mean"].get<double>(), mean, 1e-12) << score;
    EXPECT_NEAR(group["sd"].get<double>(), sd, 1e-12) << score;
  }
  EXPECT_EQ(json["groups"][0]["curve"][1]["step"], 20);
  EXPECT_NEAR(json["groups"][0]["curve"][0]["iou"]["mean"].get<double>(), 0.26, 1e-12);
  EXPECT_NEAR(json["groups"][0]["curve"][0]["recall"]["mean"].get<double>(), 0.13, 1e-12);
  EXPECT_EQ(json["tests"][0]["second"], "pretrained");
}

TEST(Comparison, StepsHaveTheScoresThatAreAskedFor) {
  const Comparison asked = summarise(two_inits().runs, {"recall", "mfd"});
  const std::string markdown = to_markdown(tables_of(asked));
  EXPECT_THAT(markdown, HasSubstr("vnc: recall after training steps\n"));
  EXPECT_THAT(markdown, HasSubstr("| 1      | random     | 0.1300 ± 0.0025 | 0.2600 ± 0.0050 |"));
  EXPECT_THAT(markdown, Not(HasSubstr("IoU after")));
  EXPECT_THAT(markdown, Not(HasSubstr("MFD [px] after"))) << "no run has it";
  EXPECT_THAT(to_markdown(tables_of(two_inits())), HasSubstr("vnc: IoU after training steps\n"));
  const std::string csv = curves_to_csv(asked);
  EXPECT_THAT(csv, HasSubstr("dataset,labels,init,seed,step,validation_iou,iou,recall\n"));
  EXPECT_THAT(csv, HasSubstr("\nvnc,all,pretrained,3,20,0.2,0.63,0.315\n"));
}

TEST(Comparison, StepsThatWereNotScoredKeepTheirValidation) {
  std::vector<ComparedRun> runs{run_with("1", "random", 1, 0.5), run_with("1", "random", 2, 0.7)};
  runs[0].result.curve[0].scores.clear();
  const std::string markdown = to_markdown(tables_of(summarise(std::move(runs))));
  EXPECT_THAT(markdown, HasSubstr("vnc: validation IoU (per slice) after training steps\n\n1 of 2 "
                                  "runs have steps with the IoU of their validation alone"));
  EXPECT_THAT(markdown, HasSubstr("| 1      | random | 0.1000 ± 0.0000 | 0.2000 ± 0.0000 |"));
  EXPECT_THAT(markdown, HasSubstr("| 1      | random | 0.3500 (n = 1) | 0.6000 ± 0.1414 |"));
  EXPECT_THAT(to_markdown(tables_of(two_inits())), Not(HasSubstr("validation IoU")));
}

TEST(Comparison, NotesOfTheScoresAreToldOnceOfADataset) {
  std::vector<ComparedRun> runs{run_with("1", "random", 1, 0.5), run_with("1", "random", 2, 0.7),
                                run_with("all", "random", 1, 0.7)};
  runs[0].result.notes = {"of two runs", "of one run"};
  runs[2].result.notes = {"of two runs"};
  const Comparison comparison = summarise(std::move(runs));
  const std::string markdown = to_markdown(tables_of(comparison));
  EXPECT_THAT(markdown, HasSubstr("vnc: notes of the scores\n"));
  EXPECT_THAT(markdown, HasSubstr("| 2 of 3 | of two runs |"));
  EXPECT_THAT(markdown, HasSubstr("| 1 of 3 | of one run  |"));
  const Json notes = to_json(comparison)["notes"];
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_EQ(notes[0]["dataset"], "vnc");
  EXPECT_EQ(notes[0]["note"], "of two runs");
  EXPECT_EQ(notes[0]["runs"], 2);
  EXPECT_THAT(to_markdown(tables_of(two_inits())), Not(HasSubstr("notes of the scores")));
}

TEST(Comparison, OfManyNotesTheFirstAreShown) {
  std::vector<ComparedRun> runs{run_with("1", "random", 1, 0.5)};
  for (int i = 0; i < 13; ++i) {
    runs[0].result.notes.push_back("note " + std::to_string(i));
  }
  EXPECT_THAT(
      to_markdown(tables_of(summarise(std::move(runs)))),
      AllOf(HasSubstr("| note 9 "), Not(HasSubstr("note 10")), HasSubstr("... and 3 more")));
}

ComparedRun run_on(const std::string& dataset, const std::string& init, std::uint64_t seed,
                   double iou) {
  ComparedRun run = run_with("all", init, seed, iou);
  run.dataset = dataset;
  run.group = dataset == "alone" ? "" : "pair";
  run.result.scores["mfd"] = 10 * (1 - iou);
  return run;
}

/// Two datasets of one group and one of none, two seeds each; of one dataset a third.
Comparison three_datasets() {
  std::vector<ComparedRun> runs;
  const std::vector<std::tuple<const char*, double, double>> means{
      {"left", 0.5, 0.6}, {"right", 0.7, 0.64}, {"alone", 0.8, 0.3}};
  for (const auto& [dataset, random, pretrained] : means) {
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
      const double step = 0.02 * static_cast<double>(seed - 1);
      runs.push_back(run_on(dataset, "random", seed, random + step));
      runs.push_back(run_on(dataset, "pretrained", seed, pretrained + step));
    }
  }
  runs.insert(runs.begin() + 4, run_on("left", "random", 3, 0.9));
  return summarise(std::move(runs));
}

TEST(Comparison, DatasetsAndTheirGroupsAreSummarisedByInitialisation) {
  const std::vector<ReportTable> tables = summary_tables(three_datasets());
  ASSERT_EQ(tables.size(), 3U);  // iou, recall, mfd
  EXPECT_THAT(tables[0].header, ElementsAre("dataset", "labels", "random", "pretrained"));
  ASSERT_EQ(tables[0].rows.size(), 4U);
  EXPECT_EQ(tables[0].rows[0][0], "left");
  EXPECT_EQ(tables[0].rows[1][0], "right");
  EXPECT_THAT(tables[0].rows[2],
              ElementsAre("pair (mean of 2)", "all", "0.6100 ± 0.0141", "0.6300 ± 0.0141"))
      << "of the seeds that both datasets have";
  EXPECT_EQ(tables[0].rows[3][0], "alone");
  const std::string markdown = to_markdown(tables);
  EXPECT_THAT(markdown, HasSubstr("| **0.6300 ± 0.0141** |"));
  EXPECT_THAT(markdown, HasSubstr("| **0.8100 ± 0.0141** | 0.3100 ± 0.0141 "));
  EXPECT_THAT(markdown, HasSubstr("| **1.90 ± 0.14** | 6.90 ± 0.14 ")) << "a distance";
  EXPECT_TRUE(summary_tables(two_inits()).empty()) << "of a single dataset";
}

TEST(Comparison, MeansOfGroupsAreInTheJson) {
  const Json json = to_json(three_datasets());
  ASSERT_EQ(json["group_means"].size(), 2U);
  const Json& random = json["group_means"][0];
  EXPECT_EQ(random["group"], "pair");
  EXPECT_EQ(random["datasets"], 2);
  EXPECT_EQ(random["seeds"], 2);
  EXPECT_NEAR(random["iou"]["mean"].get<double>(), 0.61, 1e-12);
}

TEST(Comparison, MeansOfGroupsAreTestedLikeDatasets) {
  std::vector<ComparedRun> runs;
  for (const auto& [dataset, iou] : {std::pair{"left", 0.5}, std::pair{"right", 0.7}}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      const double step = 0.01 * static_cast<double>(seed);
      runs.push_back(run_on(dataset, "random", seed, iou + step));
      runs.push_back(run_on(dataset, "pretrained", seed, iou + 0.1 + step));
    }
  }
  runs.back().result.scores.erase("recall");
  const Comparison comparison = summarise(std::move(runs));
  ASSERT_EQ(comparison.group_tests.size(), 3U);  // iou, recall, mfd
  EXPECT_TRUE(comparison.group_tests[0].of_all_runs);
  EXPECT_FALSE(comparison.group_tests[1].of_all_runs);
  const Json test = to_json(comparison)["group_tests"][0];
  EXPECT_EQ(test["group"], "pair");
  EXPECT_EQ(test["labels"], "all");
  EXPECT_EQ(test["first"], "random");
  EXPECT_EQ(test["second"], "pretrained");
  EXPECT_EQ(test["metric"], "iou");
  EXPECT_EQ(test["n"], Json::array({3, 3}));
  EXPECT_EQ(test["u"], 0);
  EXPECT_NEAR(test["p"].get<double>(), 0.1, 1e-12);
  EXPECT_FALSE(test.contains("dataset"));

  const std::vector<ReportTable> tables = tables_of(comparison);
  ASSERT_GT(tables.size(), 3U);
  EXPECT_EQ(tables[3].title, "pair (mean of 2): two-sided Mann-Whitney p (* < 0.05, ** < 0.01)");
  ASSERT_EQ(tables[3].rows.size(), 1U);
  EXPECT_THAT(tables[3].rows[0], ElementsAre("all", "random / pretrained", "0.1000",
                                             HasSubstr("(n = 3, 2)"), "0.1000"));
}

TEST(Comparison, AScoreThatIsUndefinedInSomeRunsIsTheMeanOfTheOthers) {
  std::vector<ComparedRun> runs{run_with("1", "random", 1, 0.5), run_with("1", "random", 2, 0.7)};
  runs[0].result.scores.erase("recall");
  const Comparison comparison = summarise(std::move(runs));
  EXPECT_EQ(to_text(moments(comparison.values(comparison.groups[0], "recall")), 2), "0.35");
  EXPECT_TRUE(comparison.tests.empty());
}

TEST(Comparison, TablesTellHowManyRunsAScoreIsOfAndWhatArithmeticTheyHad) {
  std::vector<ComparedRun> runs;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const double step = 0.01 * static_cast<double>(seed);
    runs.push_back(run_with("1", "random", seed, 0.5 + step));
    runs.push_back(run_with("1", "pretrained", seed, 0.6 + step));
  }
  runs[0].result.scores.erase("recall");
  runs[0].result.precision = "bf16";
  const Comparison comparison = summarise(std::move(runs));
  const std::string markdown = to_markdown(tables_of(comparison));
  EXPECT_THAT(markdown, HasSubstr("| 3 (1 bf16, 2 fp32) | 0.5200 ± 0.0100 |"));
  EXPECT_THAT(markdown, HasSubstr("0.2625 ± 0.0035 (n = 2)"));
  EXPECT_THAT(markdown, HasSubstr("(n = 2, 3)"));
  for (const InitPair& pair : comparison.tests) {
    EXPECT_EQ(pair.of_all_runs, pair.metric == "iou");
  }
}

TEST(Comparison, TablesTellAtWhichStepsTheRunsOfARowEnded) {
  std::vector<ComparedRun> runs;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    runs.push_back(run_with("1", "random", seed, 0.5));
    runs.back().result.steps = 520 - 10 * static_cast<std::int64_t>(seed);
    runs.push_back(run_with("1", "pretrained", seed, 0.6));
  }
  EXPECT_THAT(to_markdown(tables_of(summarise(runs))),
              AllOf(HasSubstr("| random     | 3 (steps 490 to 510) |"),
                    HasSubstr("| pretrained | 3                    |")));
  runs[0].result.precision = "bf16";
  EXPECT_THAT(to_markdown(tables_of(summarise(runs))),
              HasSubstr("| 3 (1 bf16, 2 fp32; steps 490 to 510) |"));
}

/// The page of some runs, without pictures.
std::string page_of(std::vector<ComparedRun> runs) {
  const testing::TempFolder folder;
  write_comparison_page(folder / "report.html", summarise(std::move(runs)), {});
  return core::read_text(folder / "report.html");
}

/// The drawing below the title of the label-efficiency curves; empty where there is none.
std::string efficiency_plot(const std::string& page) {
  const std::size_t begin = page.find("vnc: IoU over labelled slices");
  return begin == std::string::npos ? "" : page.substr(begin, page.find("</svg>", begin) - begin);
}

TEST(ComparisonPage, LabelEfficiencyIsDrawnByTheNumberOfSlices) {
  std::vector<ComparedRun> runs = two_inits().runs;
  const std::string ascending = efficiency_plot(page_of(runs));
  EXPECT_THAT(ascending, HasSubstr("<path class=\"curve c1\""));
  std::rotate(runs.begin(), runs.begin() + 6, runs.end());
  ASSERT_EQ(runs.front().labels, "all");
  EXPECT_EQ(efficiency_plot(page_of(runs)), ascending);

  std::erase_if(runs,
                [](const ComparedRun& run) { return run.labels == "1" && run.init == "random"; });
  EXPECT_THAT(efficiency_plot(page_of(runs)), HasSubstr("<path class=\"curve c1\""))
      << "of the other initialisation";
  std::erase_if(runs, [](const ComparedRun& run) { return run.labels == "1"; });
  EXPECT_EQ(efficiency_plot(page_of(runs)), "") << "a point is no curve";
}

TEST(ComparisonPage, ShowsBestMedianAndWorstSliceOfMedianRuns) {
  const Comparison comparison = two_inits();
  const std::vector<RunGroup> groups{comparison.groups[0], comparison.groups[1]};
  EXPECT_THAT(telling_slices(comparison, groups), ElementsAre(1U, 0U, 3U));
  EXPECT_EQ(median_run(comparison, comparison.groups[1]), 3U);

  const testing::TempFolder folder;
  const auto predict = [](std::size_t, const std::vector<std::size_t>& slices) {
    std::vector<SliceSample> samples;
    for (const std::size_t slice : slices) {
      const core::Array plane(core::DType::u8, 1, {1, 8, 8});
      samples.push_back({"slice " + std::to_string(slice), plane, plane, plane});
    }
    return samples;
  };
  write_comparison_page(folder / "report.html", comparison, predict);
  const std::string page = core::read_text(folder / "report.html");
  EXPECT_THAT(page, HasSubstr("worst: slice 3"));
  EXPECT_THAT(page, HasSubstr("pretrained, seed 2"));
  EXPECT_THAT(page, HasSubstr("class=\"band c1\""));
  EXPECT_THAT(page, HasSubstr("vnc: IoU over labelled slices"));
  EXPECT_THAT(page, HasSubstr("vnc, 1 labelled: IoU<"));
  EXPECT_THAT(page, Not(HasSubstr("src=\"http")));
}

TEST(ComparisonPage, ARunWhoseModelIsGoneHasNoPictures) {
  const Comparison comparison = two_inits();
  const auto page_with = [&](const PredictSlices& predict) {
    const testing::TempFolder folder;
    write_comparison_page(folder / "report.html", comparison, predict);
    return core::read_text(folder / "report.html");
  };
  const auto none = [](std::size_t, const std::vector<std::size_t>&) {
    return std::vector<SliceSample>{};
  };
  const auto of_pretrained = [&](std::size_t run, const std::vector<std::size_t>& slices) {
    std::vector<SliceSample> samples;
    for (std::size_t i = 0; i < slices.size() && comparison.runs[run].init == "pretrained"; ++i) {
      const core::Array plane(core::DType::u8, 1, {1, 8, 8});
      samples.push_back({"slice", plane, plane, plane});
    }
    return samples;
  };
  EXPECT_THAT(page_with(none), AllOf(HasSubstr("12 finished runs"), Not(HasSubstr("worst: "))));
  EXPECT_THAT(page_with(of_pretrained),
              AllOf(HasSubstr("worst: slice"), HasSubstr("pretrained, seed 2"),
                    Not(HasSubstr("random, seed"))));
}

TEST(ComparisonPage, TheBestOfARowIsBold) {
  const testing::TempFolder folder;
  write_comparison_page(folder / "report.html", three_datasets(), {});
  EXPECT_THAT(core::read_text(folder / "report.html"),
              HasSubstr("<td><strong>0.8100 ± 0.0141</strong></td><td>0.3100 ± 0.0141</td>"));
}

TEST(ComparisonPage, AnEmptyComparisonIsAPage) {
  const testing::TempFolder folder;
  write_comparison_page(folder / "report.html", summarise({}), {});
  EXPECT_THAT(core::read_text(folder / "report.html"), HasSubstr("0 finished runs"));
}

}  // namespace
}  // namespace retina::pipeline
