#pragma once

#include <string>
#include <vector>

#include "retina/core/error.h"
#include "retina/core/options.h"

namespace retina::augment {

enum class Application { composed, published };
constexpr core::EnumTable<Application, 2> enum_table(Application) {
  return {{{Application::composed, "composed"}, {Application::published, "published"}}};
}

/// What a rotation shows in the corners beyond the crop.
enum class Beyond { crop, image };
constexpr core::EnumTable<Beyond, 2> enum_table(Beyond) {
  return {{{Beyond::crop, "crop"}, {Beyond::image, "image"}}};
}

/// Which comes first, the crop or the rotation.
enum class Order {
  crop_first,   ///< fine-tuning: pad, crop, rotate, flip
  rotate_first  ///< pre-training: flip, rotate on the same canvas, crop; no padding
};
constexpr core::EnumTable<Order, 2> enum_table(Order) {
  return {{{Order::crop_first, "crop_first"}, {Order::rotate_first, "rotate_first"}}};
}

/// What brightness 1 and noise variance 1 mean, and about which grey value contrast turns.
enum class IntensityUnit { full_range, std };
constexpr core::EnumTable<IntensityUnit, 2> enum_table(IntensityUnit) {
  return {{{IntensityUnit::full_range, "full_range"}, {IntensityUnit::std, "std"}}};
}

/// The fine-tuning augmentation (retina.md 3.4): published values are the defaults. Those of
/// pre-training (2.2) are restoration_recipe().
struct Recipe {
  Application application = Application::composed;
  int size = 224;              ///< side of the output, pixels
  double crop_nonempty = 0.0;  ///< probability of a crop around a foreground pixel
  bool resized_crop = true;    ///< false: native-scale crop of `size`
  double scale_min = 0.08, scale_max = 1.0;
  double ratio_min = 0.5, ratio_max = 1.5;
  double zoom = 1.0;  ///< native-scale crops: side of the crop = size * [1/zoom, zoom], log-uniform
  double quarter_turn_probability = 0.0;  ///< of a turn by 90, 180 or 270 degrees
  double rotate_probability = 0.5;
  double rotate_limit = 180;  ///< degrees, both directions
  Beyond beyond =
      Beyond::crop;  ///< corners of a rotated crop: crop = reflected (published), image = read
  IntensityUnit intensity_unit =
      IntensityUnit::full_range;  ///< std: relative to the mean and std of the data
  double brightness = 0.3, contrast = 0.3, brightness_contrast_probability = 0.5;
  double noise_probability = 0.0, noise_variance_min = 400, noise_variance_max = 1200;
  double blur_probability = 0.0;
  int blur_limit = 7;
  double flip_probability = 0.5;  ///< of each of the two flips
  Order order = Order::crop_first;
  int patch = 0;  ///< side of the part of a larger plane that is one sample; 0 = the whole plane
  double dropout_probability = 0.0;
  int dropout_holes = 32;  ///< at most; at least 1
  int dropout_side = 16;   ///< of a hole, pixels

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("application", self.application,
          "composed: one resample; published: the published chain of resamples");
    visit("size", self.size, "side of the crop the network sees, pixels");
    visit("crop_nonempty", self.crop_nonempty, "probability of a crop around a foreground pixel");
    visit("resized_crop", self.resized_crop,
          "random area and aspect, resized; false: native-scale crop");
    visit("scale_min", self.scale_min, "smallest share of the area of a resized crop");
    visit("scale_max", self.scale_max, "largest share of the area of a resized crop");
    visit("ratio_min", self.ratio_min, "smallest width / height of a resized crop");
    visit("ratio_max", self.ratio_max, "largest width / height of a resized crop");
    visit("zoom", self.zoom,
          "largest change of scale of a native-scale crop, both directions; 1 = none");
    visit("quarter_turn_probability", self.quarter_turn_probability,
          "probability of a turn by 90, 180 or 270 degrees");
    visit("rotate_probability", self.rotate_probability, "probability of a rotation");
    visit("rotate_limit", self.rotate_limit, "largest rotation in degrees, both directions");
    visit("beyond", self.beyond,
          "corners of a rotated crop: crop = its reflection (published), image = what is there");
    visit("intensity_unit", self.intensity_unit,
          "unit of brightness and noise: full_range (published) or std of the data, contrast then "
          "turns about its mean");
    visit("brightness", self.brightness,
          "largest change of brightness, share of 255 or of the std");
    visit("contrast", self.contrast, "largest change of contrast, share of 1");
    visit("brightness_contrast_probability", self.brightness_contrast_probability,
          "probability of that change");
    visit("noise_probability", self.noise_probability, "probability of Gaussian noise");
    visit("noise_variance_min", self.noise_variance_min,
          "smallest variance of the noise, squared grey levels or squared std");
    visit("noise_variance_max", self.noise_variance_max,
          "largest variance of the noise, squared grey levels or squared std");
    visit("blur_probability", self.blur_probability, "probability of a Gaussian blur");
    visit("blur_limit", self.blur_limit, "largest side of the blur kernel, pixels (3, 5 or 7)");
    visit("flip_probability", self.flip_probability, "probability of each flip");
    visit("order", self.order,
          "crop_first (fine-tuning) or rotate_first (pre-training: no padding, any size of patch)");
    visit("patch", self.patch,
          "side of the part of a larger plane that is one sample, pixels; 0 = the whole plane");
    visit("dropout_probability", self.dropout_probability, "probability of black holes");
    visit("dropout_holes", self.dropout_holes, "largest number of holes");
    visit("dropout_side", self.dropout_side, "side of a hole, pixels");
  }
  std::vector<Problem> validate() const;
};

/// The published pre-training augmentation, sets 1 and 2 of retina.md 2.2.
Recipe restoration_recipe();

}  // namespace retina::augment
