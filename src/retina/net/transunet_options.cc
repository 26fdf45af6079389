#include "retina/net/transunet_options.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/core/problem_list.h"

namespace retina::net {
namespace {

void require_channels(ProblemList& problems, const char* name, const std::vector<int>& values,
                      std::size_t count) {
  const bool good = values.size() == count && std::all_of(values.begin(), values.end(), [](int v) {
                      return v >= 1 && v <= 8192;
                    });
  problems.require(good, name, fmt::format("[{}]", fmt::join(values, ", ")),
                   fmt::format("{} numbers from 1 to 8192", count));
}

}  // namespace

std::vector<Problem> TransUNetOptions::validate() const {
  ProblemList problems;
  problems.within("pixel_stride", pixel_stride, 1, 8);
  const int unit = 16 * std::max(pixel_stride, 1);
  problems.require(window >= 2 * unit && window % unit == 0 && window <= 4096, "window",
                   std::to_string(window),
                   fmt::format("a multiple of {} from {} to 4096", unit, 2 * unit));
  problems.require(foreground_prior >= 0 && foreground_prior < 1, "foreground_prior",
                   fmt::format("{}", foreground_prior), "at least 0, below 1");
  problems.require(in_channels == 1 || in_channels == 3, "in_channels", std::to_string(in_channels),
                   "1 or 3");
  problems.within("classes", classes, 1, 1024);
  problems.within("hidden", hidden, 1, 8192);
  problems.within("mlp", mlp, 1, 65536);
  problems.within("layers", layers, 1, 128);
  problems.require(heads >= 1 && hidden % std::max(heads, 1) == 0, "heads", std::to_string(heads),
                   fmt::format("a divisor of hidden ({})", hidden));
  problems.require(dropout >= 0 && dropout < 1, "dropout", fmt::format("{}", dropout),
                   "at least 0, below 1");
  require_channels(problems, "resnet_units", resnet_units, 3);
  require_channels(problems, "decoder_channels", decoder_channels, 4);
  problems.within("decoder_head_channels", decoder_head_channels, 1, 8192);
  problems.require(width_factor >= 0.125 && width_factor <= 8, "width_factor",
                   fmt::format("{}", width_factor), "0.125 to 8");
  problems.require(
      group_norm_groups >= 1 && root_channels() % std::max(groups(root_channels()), 1) == 0 &&
          (4 * root_channels()) % std::max(groups(4 * root_channels()), 1) == 0 &&
          (2 * root_channels()) % std::max(groups(2 * root_channels()), 1) == 0,
      "group_norm_groups", std::to_string(group_norm_groups),
      fmt::format("a divisor of the ResNet widths ({} and its doubles)", root_channels()));
  return problems.take();
}

}  // namespace retina::net
