#include "retina/engine/window_plan.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace retina::engine {

namespace {

std::vector<std::int64_t> stepped_starts(std::int64_t padded, std::int64_t window, double overlap) {
  const auto step =
      padded == window
          ? window
          : std::max<std::int64_t>(
                1, static_cast<std::int64_t>(static_cast<double>(window) * (1 - overlap)));
  std::vector<std::int64_t> starts;
  for (std::int64_t start = 0;; start += step) {
    starts.push_back(std::min(start, padded - window));
    if (start + window >= padded) {
      return starts;
    }
  }
}

std::vector<std::int64_t> spread_starts(std::int64_t padded, std::int64_t window, double overlap) {
  const auto shared = std::min<std::int64_t>(
      window - 1, static_cast<std::int64_t>(static_cast<double>(window) * overlap));
  const std::int64_t free = padded - window;
  const std::int64_t step = window - shared;
  const std::int64_t gaps = (free + step - 1) / step;
  std::vector<std::int64_t> starts{0};
  for (std::int64_t i = 1; i <= gaps; ++i) {
    starts.push_back((free * i + gaps / 2) / gaps);
  }
  return starts;
}

}  // namespace

std::vector<Problem> WindowOptions::validate() const {
  std::vector<Problem> problems;
  if (!(overlap >= 0 && overlap <= 0.95)) {
    problems.push_back({.subject = "overlap",
                        .found = fmt::format("{}", overlap),
                        .expected = "0 to 0.95, a share of the window"});
  }
  if (window < 0 || window % 16 != 0) {
    problems.push_back({.subject = "window",
                        .found = fmt::format("{}", window),
                        .expected = "0 (the window of the network) or a multiple of 16 pixels"});
  }
  if (batch < 0) {
    problems.push_back({.subject = "batch",
                        .found = fmt::format("{}", batch),
                        .expected = "0 (automatic) or a number of windows"});
  }
  return problems;
}

WindowOptions published_windows() {
  return {.overlap = 0.7,
          .layout = Layout::stepped,
          .blend = Blend::constant,
          .padding = Padding::zero,
          .batch = 4};
}

Span AxisPlan::windows_meeting(const Span& pixels) const {
  const std::int64_t from = pixels.begin + pad_low;
  const std::int64_t to = pixels.end + pad_low;
  const auto first = std::upper_bound(starts.begin(), starts.end(), from - window);
  const auto last = std::lower_bound(starts.begin(), starts.end(), to);
  return {first - starts.begin(), last - starts.begin()};
}

Span AxisPlan::pixels_of(const Span& windows) const {
  const std::int64_t from = starts[static_cast<std::size_t>(windows.begin)] - pad_low;
  const std::int64_t to = starts[static_cast<std::size_t>(windows.end - 1)] + window - pad_low;
  return {std::max<std::int64_t>(from, 0), std::min(to, extent)};
}

AxisPlan plan_axis(std::int64_t extent, int window, const WindowOptions& options) {
  AxisPlan plan{.extent = extent, .window = window, .pad_low = 0, .starts = {}};
  plan.pad_low = (plan.padded() - extent) / 2;
  plan.starts = options.layout == Layout::stepped
                    ? stepped_starts(plan.padded(), window, options.overlap)
                    : spread_starts(plan.padded(), window, options.overlap);
  return plan;
}

PlanePlan plan_plane(std::int64_t extent_y, std::int64_t extent_x, int window,
                     const WindowOptions& options) {
  return {plan_axis(extent_y, window, options), plan_axis(extent_x, window, options)};
}

std::int64_t windows_needed(const PlanePlan& plan, const Region& region) {
  return plan.y.windows_meeting(region.y).size() * plan.x.windows_meeting(region.x).size();
}

Region pixels_needed(const PlanePlan& plan, const Region& region) {
  return {plan.y.pixels_of(plan.y.windows_meeting(region.y)),
          plan.x.pixels_of(plan.x.windows_meeting(region.x))};
}

std::vector<WindowTask> assign_batches(const PlanePlan& plan, const Region& region,
                                       std::int64_t first_plane, std::int64_t planes, int batch) {
  const Span rows = plan.y.windows_meeting(region.y);
  const Span columns = plan.x.windows_meeting(region.x);
  std::vector<std::int64_t> filled(static_cast<std::size_t>(batch), 0);
  std::vector<WindowTask> tasks;
  tasks.reserve(static_cast<std::size_t>(planes * rows.size() * columns.size()));
  for (std::int64_t plane = 0; plane < planes; ++plane) {
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
      for (std::int64_t column = columns.begin; column < columns.end; ++column) {
        const std::int64_t number =
            (first_plane + plane) * plan.count() + row * plan.x.count() + column;
        const int slot = static_cast<int>(number % batch);
        tasks.push_back({plane, row, column, filled[static_cast<std::size_t>(slot)]++, slot});
      }
    }
  }
  return tasks;
}

int least_wasteful_batch(std::int64_t windows, int lowest, int highest) {
  int best = lowest;
  for (int batch = lowest; batch <= highest; ++batch) {
    const auto slots = [&](int size) { return (windows + size - 1) / size * size; };
    if (slots(batch) <= slots(best)) {
      best = batch;
    }
  }
  return best;
}

}  // namespace retina::engine
