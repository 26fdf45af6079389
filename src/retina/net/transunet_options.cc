#include "retina/net/transunet_options.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace retina::net {
namespace {

class Problems {
 public:
  void check(bool good, const char* name, const std::string& found, const std::string& expected) {
    if (!good) {
      list_.push_back({.subject = name, .found = found, .expected = expected, .remedy = {}});
    }
  }
  void check_range(const char* name, int value, int low, int high) {
    check(value >= low && value <= high, name, std::to_string(value),
          fmt::format("{} to {}", low, high));
  }
  void check_channels(const char* name, const std::vector<int>& values, std::size_t count) {
    const bool good =
        values.size() == count &&
        std::all_of(values.begin(), values.end(), [](int v) { return v >= 1 && v <= 8192; });
    check(good, name, fmt::format("[{}]", fmt::join(values, ", ")),
          fmt::format("{} numbers from 1 to 8192", count));
  }
  std::vector<Problem> take() { return std::move(list_); }

 private:
  std::vector<Problem> list_;
};

}  // namespace

std::vector<Problem> TransUNetOptions::validate() const {
  Problems problems;
  problems.check_range("pixel_stride", pixel_stride, 1, 8);
  const int unit = 16 * std::max(pixel_stride, 1);
  problems.check(window >= 2 * unit && window % unit == 0 && window <= 4096, "window",
                 std::to_string(window),
                 fmt::format("a multiple of {} from {} to 4096", unit, 2 * unit));
  problems.check(foreground_prior >= 0 && foreground_prior < 1, "foreground_prior",
                 fmt::format("{}", foreground_prior), "at least 0, below 1");
  problems.check(in_channels == 1 || in_channels == 3, "in_channels", std::to_string(in_channels),
                 "1 or 3");
  problems.check_range("classes", classes, 1, 1024);
  problems.check_range("hidden", hidden, 1, 8192);
  problems.check_range("mlp", mlp, 1, 65536);
  problems.check_range("layers", layers, 1, 128);
  problems.check(heads >= 1 && hidden % std::max(heads, 1) == 0, "heads", std::to_string(heads),
                 fmt::format("a divisor of hidden ({})", hidden));
  problems.check(dropout >= 0 && dropout < 1, "dropout", fmt::format("{}", dropout),
                 "at least 0, below 1");
  problems.check_channels("resnet_units", resnet_units, 3);
  problems.check_channels("decoder_channels", decoder_channels, 4);
  problems.check_range("decoder_head_channels", decoder_head_channels, 1, 8192);
  problems.check(width_factor >= 0.125 && width_factor <= 8, "width_factor",
                 fmt::format("{}", width_factor), "0.125 to 8");
  problems.check(
      group_norm_groups >= 1 && root_channels() % std::max(groups(root_channels()), 1) == 0 &&
          (4 * root_channels()) % std::max(groups(4 * root_channels()), 1) == 0 &&
          (2 * root_channels()) % std::max(groups(2 * root_channels()), 1) == 0,
      "group_norm_groups", std::to_string(group_norm_groups),
      fmt::format("a divisor of the ResNet widths ({} and its doubles)", root_channels()));
  return problems.take();
}

}  // namespace retina::net
