#include "retina/augment/recipe.h"

#include <fmt/format.h>

#include "retina/core/problem_list.h"

namespace retina::augment {

namespace {

void require_order(ProblemList& problems, const char* name, double low, double high) {
  problems.require(low <= high, name, fmt::format("min {} above max {}", low, high), "min <= max");
}

}  // namespace

std::vector<Problem> Recipe::validate() const {
  ProblemList problems;
  problems.within("size", size, 8, 8192);
  problems.within("crop_nonempty", crop_nonempty, 0, 1);
  problems.within("scale_min", scale_min, 1e-6, 1);
  problems.within("scale_max", scale_max, 1e-6, 1);
  require_order(problems, "scale", scale_min, scale_max);
  problems.within("ratio_min", ratio_min, 0.01, 100);
  problems.within("ratio_max", ratio_max, 0.01, 100);
  require_order(problems, "ratio", ratio_min, ratio_max);
  problems.within("zoom", zoom, 1, 8);
  problems.within("quarter_turn_probability", quarter_turn_probability, 0, 1);
  problems.within("rotate_probability", rotate_probability, 0, 1);
  problems.within("rotate_limit", rotate_limit, 0, 180);
  problems.within("brightness", brightness, 0, 10);
  problems.within("contrast", contrast, 0, 1);
  problems.within("brightness_contrast_probability", brightness_contrast_probability, 0, 1);
  problems.within("noise_probability", noise_probability, 0, 1);
  problems.within("noise_variance_min", noise_variance_min, 0, 65025);
  problems.within("noise_variance_max", noise_variance_max, 0, 65025);
  require_order(problems, "noise_variance", noise_variance_min, noise_variance_max);
  problems.within("blur_probability", blur_probability, 0, 1);
  problems.within("flip_probability", flip_probability, 0, 1);
  problems.require(blur_limit == 3 || blur_limit == 5 || blur_limit == 7, "blur_limit",
                   fmt::format("{}", blur_limit), "3, 5 or 7");
  problems.require(application != Application::published || beyond != Beyond::image, "beyond",
                   "image with application published",
                   "crop: the published chain rotates the crop alone",
                   "use application composed, or beyond crop");
  problems.require(order != Order::rotate_first || beyond == Beyond::crop, "beyond",
                   "image with order rotate_first", "crop: the rotation reflects the patch");
  problems.within("patch", patch, 0, 1 << 20);
  problems.require(patch != 1, "patch", "1", "2 or more, or 0 for the whole plane");
  problems.within("dropout_probability", dropout_probability, 0, 1);
  problems.within("dropout_holes", dropout_holes, 1, 1024);
  problems.require(dropout_side >= 1 && (dropout_side <= size || size < 8), "dropout_side",
                   fmt::format("{}", dropout_side), "1 to size");
  return problems.take();
}

Recipe restoration_recipe() {
  Recipe recipe;
  recipe.order = Order::rotate_first;
  recipe.patch = 224;
  recipe.rotate_limit = 90;
  recipe.noise_probability = 0.5;
  recipe.blur_probability = 0.5;
  recipe.dropout_probability = 0.5;
  return recipe;
}

}  // namespace retina::augment
