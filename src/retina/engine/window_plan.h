#pragma once

#include <cstdint>
#include <vector>

#include "retina/core/options.h"

namespace retina::engine {

enum class Blend { constant, gaussian };
constexpr core::EnumTable<Blend, 2> enum_table(Blend) {
  return {{{Blend::constant, "constant"}, {Blend::gaussian, "gaussian"}}};
}

/// How the window starts of an axis are chosen.
enum class Layout {
  stepped,  ///< fixed step, the last window pulled back to the border (retina.md 4.1)
  spread,   ///< as few windows as the overlap allows, spread evenly over the whole axis
};
constexpr core::EnumTable<Layout, 2> enum_table(Layout) {
  return {{{Layout::stepped, "stepped"}, {Layout::spread, "spread"}}};
}

/// What surrounds a plane that is smaller than the window.
enum class Padding {
  zero,     ///< 0 after normalisation, i.e. mean grey (published inference)
  reflect,  ///< reflect-101, as in training
};
constexpr core::EnumTable<Padding, 2> enum_table(Padding) {
  return {{{Padding::zero, "zero"}, {Padding::reflect, "reflect"}}};
}

/// How windows are laid, blended and computed. The defaults are ours (docs/inference.md).
struct WindowOptions {
  int window = 0;        ///< side in pixels; 0 = the window of the network
  double overlap = 0.1;  ///< least share of the window that neighbours have in common, 0 to 0.95
  Layout layout = Layout::spread;
  Blend blend = Blend::gaussian;
  Padding padding = Padding::reflect;
  int batch = 0;  ///< windows in one forward pass; 0 = chosen by the device and the plan

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("window", self.window, "side of the window in pixels; 0 = the window of the network");
    visit("overlap", self.overlap, "share of the window that neighbours have in common");
    visit("layout", self.layout, "fixed step, or as few windows as possible spread evenly");
    visit("blend", self.blend, "weight of a window's pixels where windows overlap");
    visit("padding", self.padding, "surroundings of planes smaller than the window");
    visit("batch", self.batch, "windows in one forward pass; 0 = automatic");
  }
  std::vector<Problem> validate() const;
};

/// The published sliding window: overlap 0.7, constant weights, mean-grey padding, batches of 4
/// (retina.md 4.1, 4.2).
WindowOptions published_windows();

/// Half-open run of pixels or of window indices along one axis.
struct Span {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  std::int64_t size() const { return end - begin; }
  bool operator==(const Span&) const = default;
};

/// Windows along one axis. Starts are in padded coordinates: pixel p of the image lies at
/// p + pad_low. They depend on the whole extent alone, so a part of an image meets the same
/// windows as the whole.
struct AxisPlan {
  std::int64_t extent = 0;   ///< pixels of the image
  std::int64_t window = 0;   ///< pixels of a window
  std::int64_t pad_low = 0;  ///< padding before the first pixel; the rest lies behind the last
  std::vector<std::int64_t> starts;

  std::int64_t padded() const { return extent < window ? window : extent; }
  std::int64_t count() const { return static_cast<std::int64_t>(starts.size()); }
  /// Indices of the windows that meet the image pixels `pixels` (not empty).
  Span windows_meeting(const Span& pixels) const;
  /// Image pixels that the windows `windows` see.
  Span pixels_of(const Span& windows) const;
};

AxisPlan plan_axis(std::int64_t extent, int window, const WindowOptions& options);

/// Windows of a plane, numbered row by row.
struct PlanePlan {
  AxisPlan y;
  AxisPlan x;

  std::int64_t count() const { return y.count() * x.count(); }
};

/// `window` is the side in pixels (options.window is not consulted).
PlanePlan plan_plane(std::int64_t extent_y, std::int64_t extent_x, int window,
                     const WindowOptions& options);

/// A rectangle of a plane whose result is wanted.
struct Region {
  Span y;
  Span x;

  bool operator==(const Region&) const = default;
};

/// Number of windows that `region` needs.
std::int64_t windows_needed(const PlanePlan& plan, const Region& region);

/// The pixels that must be read to predict `region`.
Region pixels_needed(const PlanePlan& plan, const Region& region);

/// Planes of equal extents that are predicted as one job: a single image, or all slices of a volume
/// along an axis. Any part of it is computed with the windows, batch size and slots of the whole.
struct PlaneSeries {
  PlanePlan plan;
  std::int64_t planes = 1;
  int batch = 1;

  /// Windows of the plan, each counted once: the work that cannot be avoided.
  std::int64_t windows_needed() const { return plan.count() * planes; }
};

/// A part of a series: some planes, and of each the same rectangle.
struct PlaneBlock {
  Span planes;
  Region region;
};

/// One window of a run of planes in its place in the fixed batches.
struct WindowTask {
  std::int64_t plane = 0;  ///< counted from the first plane of the block
  std::int64_t row = 0;    ///< index into PlanePlan::y.starts
  std::int64_t column = 0;
  std::int64_t batch = 0;  ///< which forward pass
  int slot = 0;            ///< position in that batch
};

/// The windows of `planes` planes (the first is number `first_plane` of the volume) that `region`
/// needs, in the order of summation. A window's slot follows from its number in the whole volume,
/// so every cutting computes it at the same place of a batch of the same size.
std::vector<WindowTask> assign_batches(const PlanePlan& plan, const Region& region,
                                       std::int64_t first_plane, std::int64_t planes, int batch);

/// The batch size from `lowest` to `highest` that wastes fewest slots on `windows` windows; of
/// equals the largest.
int least_wasteful_batch(std::int64_t windows, int lowest, int highest);

}  // namespace retina::engine
