#include "retina/augment/compose.h"

#include <algorithm>
#include <array>

#include <ATen/Parallel.h>

#include "retina/augment/brightness_contrast.h"
#include "retina/augment/coarse_dropout.h"
#include "retina/augment/flip.h"
#include "retina/augment/gauss_noise.h"
#include "retina/augment/gaussian_blur.h"
#include "retina/augment/normalise.h"
#include "retina/augment/resized_crop.h"
#include "retina/augment/rotate.h"
#include "retina/augment/sample_kernel.h"
#include "retina/augment/warp.h"
#include "retina/tensor/upload.h"

namespace retina::augment {

namespace {

PlaneView view_of(const at::Tensor& plane_YX) {
  return {.data = plane_YX.const_data_ptr<std::uint8_t>(),
          .height = plane_YX.size(0),
          .width = plane_YX.size(1)};
}

/// Pixels of the window: those of the box itself, or made by reflection where the window sticks out
/// of the plane.
at::Tensor window_pixels(const at::Tensor& box_YX, const Geometry& geometry) {
  const at::Tensor box = box_YX.contiguous();
  if (window_is_box(geometry)) {
    return box;
  }
  const std::vector<std::uint8_t> pixels = reflect_window(view_of(box), geometry);
  return at::tensor(pixels, at::kByte).view({geometry.window.height, geometry.window.width});
}

WarpSource warp_source(const Sample& sample) {
  WarpSource source{.image_YX = window_pixels(sample.image_YX, sample.geometry),
                    .labels_YX = {},
                    .map = sample.geometry.map};
  if (sample.labels_YX.defined()) {
    source.labels_YX = window_pixels(sample.labels_YX, sample.geometry);
  }
  return source;
}

AugmentedBatch fused(const std::vector<Sample>& samples, const Recipe& recipe,
                     const Normalisation& normalisation, Wanted wanted) {
  const auto count = static_cast<std::int64_t>(samples.size());
  const std::int64_t area = std::int64_t{recipe.size} * recipe.size;
  AugmentedBatch out;
  out.images_NCYX = at::empty({count, 1, recipe.size, recipe.size}, at::kFloat);
  if (samples.front().labels_YX.defined()) {
    out.labels_NYX = at::empty({count, recipe.size, recipe.size}, at::kLong);
  }
  if (wanted == Wanted::images_and_clean) {
    out.clean_NCYX = at::empty_like(out.images_NCYX);
  }
  auto* images = out.images_NCYX.mutable_data_ptr<float>();
  auto* labels =
      out.labels_NYX.defined() ? out.labels_NYX.mutable_data_ptr<std::int64_t>() : nullptr;
  auto* clean = out.clean_NCYX.defined() ? out.clean_NCYX.mutable_data_ptr<float>() : nullptr;
  at::parallel_for(0, count, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const Sample& sample = samples[static_cast<std::size_t>(i)];
      const WarpSource source = warp_source(sample);
      const Photometry& p = sample.photometry;
      const SampleJob job{
          .image = view_of(source.image_YX),
          .labels = labels != nullptr ? view_of(source.labels_YX) : PlaneView{},
          .map = source.map,
          .size = recipe.size,
          .table = grey_table(p, recipe.intensity_unit, normalisation),
          .noise_sigma = noise_sigma_levels(p, recipe.intensity_unit, normalisation),
          .noise_seed = p.noise_seed,
          .blur_side = p.blur_side,
          .normalisation = constants(normalisation),
          .holes = &p.holes,
          .clean = clean != nullptr ? clean + i * area : nullptr};
      render_sample(job, images + i * area, labels != nullptr ? labels + i * area : nullptr);
    }
  });
  return out;
}

/// Grey table, noise, blur and holes of a batch of warped planes, which stay as they are; what no
/// sample drew is skipped.
at::Tensor degrade(at::Tensor images_NYX, const std::vector<Sample>& samples, const Recipe& recipe,
                   const Normalisation& normalisation) {
  std::vector<GreyTable> tables;
  std::vector<float> sigmas;
  std::vector<std::uint64_t> seeds;
  std::vector<int> sides;
  for (const Sample& sample : samples) {
    tables.push_back(grey_table(sample.photometry, recipe.intensity_unit, normalisation));
    sigmas.push_back(noise_sigma_levels(sample.photometry, recipe.intensity_unit, normalisation));
    seeds.push_back(sample.photometry.noise_seed);
    sides.push_back(sample.photometry.blur_side);
  }
  images_NYX = apply_grey_tables(images_NYX, tables);
  if (std::any_of(sigmas.begin(), sigmas.end(), [](float s) { return s > 0; })) {
    const at::Tensor noise = standard_normal(seeds, recipe.size, recipe.size, images_NYX.device());
    images_NYX =
        add_noise(images_NYX,
                  noise * tensor::upload(at::tensor(sigmas), images_NYX.device()).view({-1, 1, 1}));
  }
  if (std::any_of(sides.begin(), sides.end(), [](int s) { return s > 1; })) {
    images_NYX = gaussian_blur(images_NYX, sides);
  }
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (!samples[i].photometry.holes.empty()) {
      blacken(images_NYX[static_cast<std::int64_t>(i)], samples[i].photometry.holes);
    }
  }
  return images_NYX;
}

/// Planes after the warp, as the last steps take them.
struct Warped {
  at::Tensor degraded_NYX;
  at::Tensor clean_NYX;
  at::Tensor labels_NYX;
};

AugmentedBatch finish(const Warped& warped, const Normalisation& normalisation, Wanted wanted) {
  AugmentedBatch out;
  out.images_NCYX = normalise(warped.degraded_NYX, normalisation).unsqueeze(1);
  if (wanted == Wanted::images_and_clean) {
    out.clean_NCYX = normalise(warped.clean_NYX, normalisation).unsqueeze(1);
  }
  if (warped.labels_NYX.defined()) {
    out.labels_NYX = warped.labels_NYX.to(at::kLong);
  }
  return out;
}

Warped composed(const std::vector<Sample>& samples, const Recipe& recipe,
                const Normalisation& normalisation, const at::Device& device) {
  std::vector<WarpSource> sources;
  for (const Sample& sample : samples) {
    sources.push_back(warp_source(sample));
  }
  const WarpedPlanes planes = warp_batch(sources, recipe.size, device);
  return {.degraded_NYX = degrade(planes.images_NYX, samples, recipe, normalisation),
          .clean_NYX = planes.images_NYX,
          .labels_NYX = planes.labels_NYX};
}

/// The crop of the padded plane is exactly the window, so padding and cropping are done by
/// window_pixels.
at::Tensor published_crops(const std::vector<Sample>& samples, at::Tensor Sample::*plane,
                           Interpolation interpolation, int size, const at::Device& device) {
  std::vector<at::Tensor> crops;
  for (const Sample& sample : samples) {
    const at::Tensor window = tensor::upload(window_pixels(sample.*plane, sample.geometry), device);
    const Crop& crop = sample.geometry.crop;
    crops.push_back(resized_crop(
        window, {.y = 0, .x = 0, .height = crop.height, .width = crop.width}, size, interpolation));
  }
  return at::stack(crops);
}

Warped published(const std::vector<Sample>& samples, const Recipe& recipe,
                 const Normalisation& normalisation, const at::Device& device) {
  std::vector<double> angles;
  Flips flips;
  for (const Sample& sample : samples) {
    angles.push_back(sample.geometry.angle);
    flips.columns.push_back(sample.geometry.flip_x ? 1 : 0);
    flips.rows.push_back(sample.geometry.flip_y ? 1 : 0);
  }
  const auto chain = [&](at::Tensor Sample::*plane, Interpolation interpolation) {
    const at::Tensor crops = published_crops(samples, plane, interpolation, recipe.size, device);
    return rotate(crops, angles, interpolation);
  };
  const at::Tensor turned = chain(&Sample::image_YX, Interpolation::bilinear);
  Warped warped{.degraded_NYX = flip(degrade(turned, samples, recipe, normalisation), flips),
                .clean_NYX = flip(turned, flips),
                .labels_NYX = {}};
  if (samples.front().labels_YX.defined()) {
    warped.labels_NYX = flip(chain(&Sample::labels_YX, Interpolation::nearest), flips);
  }
  return warped;
}

/// Flips, rotation on the canvas of the patch, resized crop: patches differ in size, so one by one.
at::Tensor rotated_first(const std::vector<Sample>& samples, at::Tensor Sample::*plane,
                         Interpolation interpolation, int size, const at::Device& device) {
  std::vector<at::Tensor> planes;
  for (const Sample& sample : samples) {
    const Geometry& g = sample.geometry;
    const std::array<double, 1> angle{g.angle};
    const Flips flips{.columns = {g.flip_x ? 1 : 0}, .rows = {g.flip_y ? 1 : 0}};
    const at::Tensor patch = tensor::upload(sample.*plane, device).unsqueeze(0);
    planes.push_back(resized_crop(rotate(flip(patch, flips), angle, interpolation)[0], g.crop, size,
                                  interpolation));
  }
  return at::stack(planes);
}

Warped published_rotated_first(const std::vector<Sample>& samples, const Recipe& recipe,
                               const Normalisation& normalisation, const at::Device& device) {
  Warped warped;
  warped.clean_NYX =
      rotated_first(samples, &Sample::image_YX, Interpolation::bilinear, recipe.size, device);
  warped.degraded_NYX = degrade(warped.clean_NYX, samples, recipe, normalisation);
  if (samples.front().labels_YX.defined()) {
    warped.labels_NYX =
        rotated_first(samples, &Sample::labels_YX, Interpolation::nearest, recipe.size, device);
  }
  return warped;
}

}  // namespace

AugmentedBatch make_batch(const std::vector<Sample>& samples, const Recipe& recipe,
                          const Normalisation& normalisation, const at::Device& device, Path path,
                          Wanted wanted) {
  const at::NoGradGuard no_gradients;
  if (recipe.application == Application::published) {
    const auto chain = recipe.order == Order::rotate_first ? published_rotated_first : published;
    return finish(chain(samples, recipe, normalisation, device), normalisation, wanted);
  }
  if (path == Path::fused_cpu || (path == Path::automatic && device.is_cpu())) {
    return fused(samples, recipe, normalisation, wanted);
  }
  return finish(composed(samples, recipe, normalisation, device), normalisation, wanted);
}

}  // namespace retina::augment
