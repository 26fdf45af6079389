#include "retina/augment/recipe.h"

#include <fmt/format.h>

namespace retina::augment {

namespace {

void check_range(std::vector<Problem>& problems, std::string_view name, double value, double low,
                 double high) {
  if (!(value >= low && value <= high)) {
    problems.push_back({.subject = std::string(name),
                        .found = fmt::format("{}", value),
                        .expected = fmt::format("{} to {}", low, high),
                        .remedy = {}});
  }
}

void check_order(std::vector<Problem>& problems, std::string_view name, double low, double high) {
  if (low > high) {
    problems.push_back({.subject = std::string(name),
                        .found = fmt::format("min {} above max {}", low, high),
                        .expected = "min <= max",
                        .remedy = {}});
  }
}

}  // namespace

std::vector<Problem> Recipe::validate() const {
  std::vector<Problem> problems;
  check_range(problems, "size", size, 8, 8192);
  check_range(problems, "crop_nonempty", crop_nonempty, 0, 1);
  check_range(problems, "scale_min", scale_min, 1e-6, 1);
  check_range(problems, "scale_max", scale_max, 1e-6, 1);
  check_order(problems, "scale", scale_min, scale_max);
  check_range(problems, "ratio_min", ratio_min, 0.01, 100);
  check_range(problems, "ratio_max", ratio_max, 0.01, 100);
  check_order(problems, "ratio", ratio_min, ratio_max);
  check_range(problems, "zoom", zoom, 1, 8);
  check_range(problems, "quarter_turn_probability", quarter_turn_probability, 0, 1);
  check_range(problems, "rotate_probability", rotate_probability, 0, 1);
  check_range(problems, "rotate_limit", rotate_limit, 0, 180);
  check_range(problems, "brightness", brightness, 0, 10);
  check_range(problems, "contrast", contrast, 0, 1);
  check_range(problems, "brightness_contrast_probability", brightness_contrast_probability, 0, 1);
  check_range(problems, "noise_probability", noise_probability, 0, 1);
  check_range(problems, "noise_variance_min", noise_variance_min, 0, 65025);
  check_range(problems, "noise_variance_max", noise_variance_max, 0, 65025);
  check_order(problems, "noise_variance", noise_variance_min, noise_variance_max);
  check_range(problems, "blur_probability", blur_probability, 0, 1);
  check_range(problems, "flip_probability", flip_probability, 0, 1);
  if (blur_limit != 3 && blur_limit != 5 && blur_limit != 7) {
    problems.push_back({.subject = "blur_limit",
                        .found = fmt::format("{}", blur_limit),
                        .expected = "3, 5 or 7",
                        .remedy = {}});
  }
  if (application == Application::published && beyond == Beyond::image) {
    problems.push_back({.subject = "beyond",
                        .found = "image with application published",
                        .expected = "crop: the published chain rotates the crop alone",
                        .remedy = "use application composed, or beyond crop"});
  }
  return problems;
}

}  // namespace retina::augment
