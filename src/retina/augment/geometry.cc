#include "retina/augment/geometry.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "retina/core/rng.h"

namespace retina::augment {

namespace {

// One stream of random numbers per decision, so that switching one off leaves the others as they
// were.
enum GeometryStream : std::uint64_t {
  kCropNonempty = 1,
  kResizedCrop,
  kNativeCrop,
  kQuarterTurn,
  kRotate,
  kFlip,
  kPatch
};

std::int64_t around(std::int64_t pixel, std::int64_t side, std::int64_t count, core::Rng& rng) {
  return std::clamp<std::int64_t>(pixel - rng.integer(0, side - 1), 0, count - side);
}

/// A crop of side x side: around `pixel` (padded coordinates) or anywhere.
Crop place(std::int64_t side, std::int64_t height, std::int64_t width,
           const std::optional<core::Vec3>& pixel, core::Rng& rng) {
  if (pixel) {
    // braces fix the order of the two draws
    return Crop{.y = around((*pixel)[1], side, height, rng),
                .x = around((*pixel)[2], side, width, rng),
                .height = side,
                .width = side};
  }
  return Crop{.y = rng.integer(0, height - side),
              .x = rng.integer(0, width - side),
              .height = side,
              .width = side};
}

/// The part of a plane that one sample is made of.
Crop draw_patch(const Recipe& recipe, std::uint64_t seed, std::int64_t height, std::int64_t width) {
  Crop patch{.y = 0, .x = 0, .height = height, .width = width};
  if (recipe.patch > 0) {
    core::Rng rng{seed, kPatch};
    patch.height = std::min<std::int64_t>(height, recipe.patch);
    patch.width = std::min<std::int64_t>(width, recipe.patch);
    patch.y = rng.integer(0, height - patch.height);
    patch.x = rng.integer(0, width - patch.width);
  }
  return patch;
}

Crop draw_crop(const Recipe& recipe, std::uint64_t seed, std::int64_t height, std::int64_t width,
               const std::optional<core::Vec3>& foreground,
               const std::optional<core::Vec3>& known) {
  core::Rng nonempty{seed, kCropNonempty};
  const bool wants_foreground = nonempty.chance(recipe.crop_nonempty);
  if (!recipe.resized_crop) {
    core::Rng rng{seed, kNativeCrop};
    const double limit = std::log(recipe.zoom);
    const double factor = std::exp(rng.uniform(-limit, limit));
    const auto side =
        std::min({static_cast<std::int64_t>(std::nearbyint(recipe.size * factor)), height, width});
    // where few labels are known, a crop from anywhere would mostly have none to learn from
    return place(side, height, width, wants_foreground && foreground ? foreground : known, rng);
  }
  Crop window = draw_patch(recipe, seed, height, width);
  if (wants_foreground) {
    window = place(recipe.size, height, width, foreground, nonempty);
  }
  Crop crop = draw_resized_crop(recipe, seed, window.height, window.width);
  crop.y += window.y;
  crop.x += window.x;
  return crop;
}

double draw_angle(const Recipe& recipe, std::uint64_t seed) {
  double angle = 0;
  core::Rng quarter{seed, kQuarterTurn};
  if (quarter.chance(recipe.quarter_turn_probability)) {
    angle += 90.0 * static_cast<double>(quarter.integer(1, 3));
  }
  core::Rng rotate{seed, kRotate};
  if (rotate.chance(recipe.rotate_probability)) {
    angle += rotate.uniform(-recipe.rotate_limit, recipe.rotate_limit);
  }
  return angle;
}

struct SinCos {
  double sin = 0, cos = 1;
};

/// Exact for quarter turns, so that those resample nothing.
SinCos sin_cos(double degrees) {
  const double quarters = degrees / 90.0;
  if (quarters == std::nearbyint(quarters)) {
    switch (((static_cast<int>(quarters) % 4) + 4) % 4) {
      case 0:
        return {.sin = 0, .cos = 1};
      case 1:
        return {.sin = 1, .cos = 0};
      case 2:
        return {.sin = 0, .cos = -1};
      default:
        return {.sin = -1, .cos = 0};
    }
  }
  const double radians = degrees * std::numbers::pi / 180.0;
  return {.sin = std::sin(radians), .cos = std::cos(radians)};
}

/// Output pixel -> pixel of the unflipped, unrotated crop.
std::array<double, 6> inverse_rotation(const Geometry& geometry, double centre) {
  const auto [sin, cos] = sin_cos(geometry.angle);
  const double fx = geometry.flip_x ? -1.0 : 1.0;
  const double fy = geometry.flip_y ? -1.0 : 1.0;
  std::array<double, 6> r{cos * fx, -sin * fy, 0, sin * fx, cos * fy, 0};
  r[2] = centre - (r[0] + r[1]) * centre;
  r[5] = centre - (r[3] + r[4]) * centre;
  return r;
}

struct Span {
  std::int64_t first = 0, stop = 0;
};

/// Rows (or columns) of the plane that hold `wanted` after reflection.
Span inside(const Span& wanted, std::int64_t count) {
  const std::int64_t last = wanted.stop - 1;
  Span got{wanted.first, last};
  if (wanted.first < 0) {
    got.stop = std::max(got.stop, -wanted.first);
    got.first = 0;
  }
  if (last > count - 1) {
    got.first = std::min(got.first, 2 * (count - 1) - last);
    got.stop = count - 1;
  }
  got.first = std::clamp<std::int64_t>(got.first, 0, count - 1);
  got.stop = std::clamp<std::int64_t>(got.stop, got.first, count - 1) + 1;
  return got;
}

/// Least and greatest a*x + b*y + c over 0 <= x,y <= last.
std::array<double, 2> extremes(double a, double b, double c, double last) {
  return {c + std::min(0.0, a * last) + std::min(0.0, b * last),
          c + std::max(0.0, a * last) + std::max(0.0, b * last)};
}

/// Bounds of a*x + b*y + c over 0 <= x,y <= last, mapped by scale and offset, in whole pixels.
Span bounds(double a, double b, double c, double last, double scale, double offset) {
  const auto [low, high] = extremes(a, b, c, last);
  return {static_cast<std::int64_t>(std::floor(scale * low + offset)),
          static_cast<std::int64_t>(std::floor(scale * high + offset)) + 2};
}

}  // namespace

std::int64_t reflect_101(std::int64_t i, std::int64_t count) {
  if (count == 1) {
    return 0;
  }
  const std::int64_t period = 2 * (count - 1);
  const std::int64_t m = ((i % period) + period) % period;
  return m < count ? m : period - m;
}

bool reflects_repeatedly(const SourceMap& map, int size) {
  const auto passes = [size](double a, double b, double c, double fold) {
    const auto [low, high] = extremes(a, b, c, size - 1);
    // a pixel early, so that the float coordinates of the kernels do not pass it either
    return fold > 0 && std::max(-low, high) > fold - 1;
  };
  const auto& r = map.rotation;
  return passes(r[0], r[1], r[2], map.fold_x) || passes(r[3], r[4], r[5], map.fold_y);
}

Crop draw_resized_crop(const Recipe& recipe, std::uint64_t seed, std::int64_t height,
                       std::int64_t width) {
  core::Rng rng{seed, kResizedCrop};
  const auto h = static_cast<double>(height);
  const auto w = static_cast<double>(width);
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double area = rng.uniform(recipe.scale_min, recipe.scale_max) * h * w;
    const double ratio =
        std::exp(rng.uniform(std::log(recipe.ratio_min), std::log(recipe.ratio_max)));
    // nearbyint rounds halves to even, as the published code does
    const auto crop_w = static_cast<std::int64_t>(std::nearbyint(std::sqrt(area * ratio)));
    const auto crop_h = static_cast<std::int64_t>(std::nearbyint(std::sqrt(area / ratio)));
    if (crop_w > 0 && crop_w <= width && crop_h > 0 && crop_h <= height) {
      const std::int64_t y = rng.integer(0, height - crop_h);
      return {.y = y, .x = rng.integer(0, width - crop_w), .height = crop_h, .width = crop_w};
    }
  }
  std::int64_t crop_h = height;
  std::int64_t crop_w = width;
  if (w / h < recipe.ratio_min) {
    crop_h = std::clamp<std::int64_t>(
        static_cast<std::int64_t>(std::nearbyint(w / recipe.ratio_min)), 1, height);
  } else if (w / h > recipe.ratio_max) {
    crop_w = std::clamp<std::int64_t>(
        static_cast<std::int64_t>(std::nearbyint(h * recipe.ratio_max)), 1, width);
  }
  return {.y = (height - crop_h) / 2, .x = (width - crop_w) / 2, .height = crop_h, .width = crop_w};
}

namespace {

/// Output pixel -> pixel of the crop in the rotated patch -> pixel of the patch, unflipped.
void compose_rotated_first(Geometry& g, const Recipe& recipe) {
  SourceMap& map = g.map;
  map = SourceMap{};
  const double scale_x = static_cast<double>(g.crop.width) / recipe.size;
  const double scale_y = static_cast<double>(g.crop.height) / recipe.size;
  map.high_x = static_cast<double>(g.patch.width - 1);
  map.high_y = static_cast<double>(g.patch.height - 1);
  const double centre_x = map.high_x / 2;
  const double centre_y = map.high_y / 2;
  // of the output's first pixel, from the centre of the patch
  const double x = static_cast<double>(g.crop.x) + 0.5 * scale_x - 0.5 - centre_x;
  const double y = static_cast<double>(g.crop.y) + 0.5 * scale_y - 0.5 - centre_y;
  const auto [sin, cos] = sin_cos(g.angle);
  const double fx = g.flip_x ? -1.0 : 1.0;
  const double fy = g.flip_y ? -1.0 : 1.0;
  map.rotation = {fx * cos * scale_x, -fx * sin * scale_y, centre_x + fx * (cos * x - sin * y),
                  fy * sin * scale_x, fy * cos * scale_y,  centre_y + fy * (sin * x + cos * y)};
  if (g.angle != 0) {
    // a line of one pixel is reflected as one of two; the clamp leaves its own
    map.fold_x = 2 * std::max(map.high_x, 1.0);
    map.fold_y = 2 * std::max(map.high_y, 1.0);
  }
  g.window = g.patch;
  // bilinear reads a neighbour, so a window has two rows and columns at least
  g.window.height = std::max<std::int64_t>(g.window.height, 2);
  g.window.width = std::max<std::int64_t>(g.window.width, 2);
  g.box = {.start = {0, g.patch.y, g.patch.x}, .shape = {1, g.patch.height, g.patch.width}};
}

/// Of the rotated patch: random area and aspect, or native scale.
Crop draw_rotated_crop(const Recipe& recipe, std::uint64_t seed, const Crop& patch) {
  Recipe within = recipe;
  within.patch = 0;
  within.crop_nonempty = 0;
  return draw_crop(within, seed, patch.height, patch.width, std::nullopt, std::nullopt);
}

}  // namespace

void compose(Geometry& g, const Recipe& recipe) {
  if (recipe.order == Order::rotate_first) {
    compose_rotated_first(g, recipe);
    return;
  }
  const double size = recipe.size;
  SourceMap& map = g.map;
  map.rotation = inverse_rotation(g, (size - 1) / 2);
  const bool reflects = recipe.beyond == Beyond::crop && std::fmod(g.angle, 90.0) != 0;
  map.fold_x = map.fold_y = reflects ? 2 * (size - 1) : 0;
  map.scale_x = static_cast<double>(g.crop.width) / size;
  map.scale_y = static_cast<double>(g.crop.height) / size;
  // plane coordinates of the centre of the crop's first pixel row and column after resizing
  // (half-pixel centres)
  const double offset_x = static_cast<double>(g.crop.x - g.pad_left) + 0.5 * map.scale_x - 0.5;
  const double offset_y = static_cast<double>(g.crop.y - g.pad_top) + 0.5 * map.scale_y - 0.5;
  Span ys{g.crop.y - g.pad_top, g.crop.y - g.pad_top + g.crop.height};
  Span xs{g.crop.x - g.pad_left, g.crop.x - g.pad_left + g.crop.width};
  if (recipe.beyond == Beyond::image && std::fmod(g.angle, 90.0) != 0) {
    const auto& r = map.rotation;
    xs = bounds(r[0], r[1], r[2], size - 1, map.scale_x, offset_x);
    ys = bounds(r[3], r[4], r[5], size - 1, map.scale_y, offset_y);
  }
  map.high_x = static_cast<double>(xs.stop - xs.first - 1);
  map.high_y = static_cast<double>(ys.stop - ys.first - 1);
  // bilinear reads a neighbour, so a window has two rows and columns at least
  ys.stop = std::max(ys.stop, ys.first + 2);
  xs.stop = std::max(xs.stop, xs.first + 2);
  const Span box_y = inside(ys, g.plane_shape[1]);
  const Span box_x = inside(xs, g.plane_shape[2]);
  g.window = {
      .y = ys.first, .x = xs.first, .height = ys.stop - ys.first, .width = xs.stop - xs.first};
  g.box = {.start = {0, box_y.first, box_x.first},
           .shape = {1, box_y.stop - box_y.first, box_x.stop - box_x.first}};
  map.offset_x = offset_x - static_cast<double>(xs.first);
  map.offset_y = offset_y - static_cast<double>(ys.first);
}

Geometry draw_geometry(const Recipe& recipe, std::uint64_t seed, const core::Vec3& plane_shape,
                       const std::optional<core::Vec3>& foreground,
                       const std::optional<core::Vec3>& known) {
  Geometry g;
  g.plane_shape = plane_shape;
  g.angle = draw_angle(recipe, seed);
  core::Rng flip{seed, kFlip};
  g.flip_x = flip.chance(recipe.flip_probability);
  g.flip_y = flip.chance(recipe.flip_probability);
  if (recipe.order == Order::rotate_first) {
    g.patch = draw_patch(recipe, seed, plane_shape[1], plane_shape[2]);
    g.crop = draw_rotated_crop(recipe, seed, g.patch);
    compose(g, recipe);
    return g;
  }
  const std::int64_t height = std::max<std::int64_t>(plane_shape[1], recipe.size);
  const std::int64_t width = std::max<std::int64_t>(plane_shape[2], recipe.size);
  g.pad_top = (height - plane_shape[1]) / 2;
  g.pad_left = (width - plane_shape[2]) / 2;
  const auto padded = [&](std::optional<core::Vec3> pixel) {
    if (pixel) {
      (*pixel)[1] += g.pad_top;
      (*pixel)[2] += g.pad_left;
    }
    return pixel;
  };
  g.crop = draw_crop(recipe, seed, height, width, padded(foreground), padded(known));
  compose(g, recipe);
  return g;
}

}  // namespace retina::augment
