#include "retina/metric/mann_whitney.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/core/rng.h"
#include "retina/testing/fixtures.h"
#include "retina/testing/python_script.h"
#include "retina/testing/temp_folder.h"

namespace retina::metric {
namespace {

/// Samples without ties of which `u` pairs have the first sample's value greater.
std::pair<std::vector<double>, std::vector<double>> samples_of(int n, int m, int u) {
  std::vector<double> first;
  std::vector<double> second;
  for (int j = 0; j < m; ++j) {
    second.push_back(j);
  }
  for (int i = 0; i < n; ++i) {  // each first value lies above as many of the second as are left
    const int above = std::min(u, m);
    u -= above;
    first.push_back(above - 0.5 + 0.01 * i);
  }
  return {first, second};
}

double p_of(int n, int m, int u) {
  const auto [first, second] = samples_of(n, m, u);
  const auto test = mann_whitney(first, second);
  EXPECT_DOUBLE_EQ(test->u, u);
  EXPECT_TRUE(test->exact);
  return test->p;
}

TEST(MannWhitney, KnownProbabilities) {
  EXPECT_NEAR(p_of(6, 6, 0), 2.0 / 924, 1e-15);
  EXPECT_NEAR(p_of(6, 6, 2), 0.0087, 5e-5);
  EXPECT_NEAR(p_of(6, 6, 3), 0.0152, 5e-5);
  EXPECT_NEAR(p_of(6, 6, 5), 0.0411, 5e-5);
  EXPECT_NEAR(p_of(6, 6, 6), 0.0649, 5e-5);
  EXPECT_NEAR(p_of(6, 6, 36), 2.0 / 924, 1e-15);
  EXPECT_NEAR(p_of(5, 5, 0), 2.0 / 252, 1e-15);
  EXPECT_NEAR(p_of(3, 3, 0), 0.1, 1e-15);  // three of each are never significant
  EXPECT_DOUBLE_EQ(p_of(1, 1, 0), 1);
}

TEST(MannWhitney, EqualValuesShareTheirRank) {
  // of the 6 ways to choose two of the ranks 1, 2.5, 2.5, 4: sums 3.5 3.5 5 5 6.5 6.5
  const auto test = mann_whitney({1, 2}, {2, 3});
  EXPECT_DOUBLE_EQ(test->u, 0.5);
  EXPECT_NEAR(test->p, 2.0 * 2 / 6, 1e-15);
  const auto same = mann_whitney({2, 2, 2}, {2, 2});
  EXPECT_DOUBLE_EQ(same->u, 3);
  EXPECT_DOUBLE_EQ(same->p, 1);
}

TEST(MannWhitney, OneEmptySampleGivesNothing) {
  EXPECT_FALSE(mann_whitney({}, {1.0}));
  EXPECT_FALSE(mann_whitney({1.0}, {}));
}

TEST(MannWhitney, ManyObservationsAreApproximated) {
  std::vector<double> first;
  std::vector<double> second;
  for (int i = 0; i < 30; ++i) {
    first.push_back(i);
    second.push_back(i + 10.5);
  }
  const auto test = mann_whitney(first, second);
  EXPECT_FALSE(test->exact);
  EXPECT_DOUBLE_EQ(test->u, 190);
  EXPECT_NEAR(test->p, 0.00012477053789, 1e-12);
  const auto constant = mann_whitney(std::vector<double>(30, 1), std::vector<double>(30, 1));
  EXPECT_DOUBLE_EQ(constant->p, 1);
}

void add_case(Json& cases, const std::vector<double>& first, const std::vector<double>& second) {
  const auto test = mann_whitney(first, second);
  cases.push_back({{"first", first}, {"second", second}, {"u", test->u}, {"p", test->p}});
}

void expect_as_scipy(const char* verb, const Json& cases) {
  const testing::TempFolder folder;
  core::write_atomically(folder / "cases.json", std::string_view(core::dump_json(cases)));
  EXPECT_EQ(testing::run_script("check_mann_whitney.py", verb, folder.path()),
            std::to_string(cases.size()) + " cases agree\n");
}

TEST(MannWhitneySlow, EqualsScipyForEveryUOfUpToEight) {
  RETINA_SKIP_WITHOUT(testing::tools_python());
  Json cases = Json::array();
  for (int n = 1; n <= 8; ++n) {
    for (int m = 1; m <= 8; ++m) {
      for (int u = 0; u <= n * m; ++u) {
        const auto [first, second] = samples_of(n, m, u);
        add_case(cases, first, second);
      }
    }
  }
  expect_as_scipy("exact", cases);
}

TEST(MannWhitneySlow, EqualsScipysPermutationsWithTies) {
  RETINA_SKIP_WITHOUT(testing::tools_python());
  Json cases = Json::array();
  core::Rng rng(5);
  const auto draw = [&](int count) {
    std::vector<double> values;
    for (int i = 0; i < count; ++i) {
      values.push_back(static_cast<double>(rng.integer(0, 3)) / 7);
    }
    return values;
  };
  for (int n = 2; n <= 8; ++n) {  // scipy permutes no fewer than two
    for (int m = 2; m <= 8; ++m) {
      add_case(cases, draw(n), draw(m));
    }
  }
  expect_as_scipy("permutation", cases);
}

TEST(MannWhitneySlow, EqualsScipysApproximationOfMany) {
  RETINA_SKIP_WITHOUT(testing::tools_python());
  Json cases = Json::array();
  core::Rng rng(6);
  for (int i = 0; i < 20; ++i) {
    std::vector<double> first;
    std::vector<double> second;
    for (int k = 0; k < 30; ++k) {
      first.push_back(static_cast<double>(rng.integer(0, 40)));
      second.push_back(static_cast<double>(rng.integer(0, 40) + i / 2));
    }
    add_case(cases, first, second);
  }
  expect_as_scipy("asymptotic", cases);
}

}  // namespace
}  // namespace retina::metric
