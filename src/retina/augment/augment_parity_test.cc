#include <array>
#include <cmath>
#include <regex>

#include <gtest/gtest.h>

#include "retina/augment/brightness_contrast.h"
#include "retina/augment/coarse_dropout.h"
#include "retina/augment/compose.h"
#include "retina/augment/flip.h"
#include "retina/augment/gauss_noise.h"
#include "retina/augment/gaussian_blur.h"
#include "retina/augment/normalise.h"
#include "retina/augment/resized_crop.h"
#include "retina/augment/rotate.h"
#include "retina/augment/sample_kernel.h"
#include "retina/core/file.h"
#include "retina/tensor/safetensors.h"
#include "retina/testing/fixtures.h"

// Tolerances of parity/retina/README.md section 7; all values come from the fixture folder.
namespace retina::augment {
namespace {

struct Fixture {
  tensor::NamedTensors tensors;
  Json parameters;

  at::Tensor input(const std::string& plane) const { return tensors.at(plane); }

  /// Name of the input plane that a case starts from: the stated one, the non-square one, or the
  /// square one.
  std::string input_name(const std::string& name, const std::string& plane) const {
    std::string stated;
    if (parameters.contains(name) && parameters[name].contains("input")) {
      stated = parameters.at(name).at("input").get<std::string>();
      return plane + stated.substr(stated.find('_'));
    }
    const bool needs_other =
        name.rfind("pad_", 0) == 0 || name.find("nonsquare") != std::string::npos;
    for (const auto& [key, value] : tensors.tensors) {
      if (key.rfind(plane + "_", 0) == 0 && (value.size(0) != value.size(1)) == needs_other) {
        return key;
      }
    }
    throw Error(ErrorKind::bad_data, "augment fixture: no input plane for " + name);
  }

  /// Cases whose names start with `prefix`, without the ".image"; a fixture without any is a
  /// failure, as the loops over them would pass.
  std::vector<std::string> cases(const std::string& prefix) const {
    std::vector<std::string> names;
    for (const auto& [key, value] : tensors.tensors) {
      const std::size_t dot = key.rfind(".image");
      if (dot != std::string::npos && key.rfind(prefix, 0) == 0) {
        names.push_back(key.substr(0, dot));
      }
    }
    EXPECT_FALSE(names.empty()) << "no case " << prefix << "* in the fixture";
    return names;
  }
};

std::filesystem::path augment_fixture() {
  return testing::parity_root() / "retina" / "augment";
}

Fixture read_fixture() {
  return {.tensors = tensor::read_safetensors(augment_fixture() / "augment.safetensors"),
          .parameters = core::read_json(augment_fixture() / "parameters.json")["parameters"]};
}

struct Difference {
  double max = 0, mean = 0;
};

/// Keeps what was measured in the test report (--gtest_output=xml).
void record(const std::string& name, const Difference& d) {
  ::testing::Test::RecordProperty(
      name, "max " + std::to_string(d.max) + " mean " + std::to_string(d.mean));
}

Difference difference(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  const at::Tensor d = (a.to(at::kDouble) - b.to(at::kDouble)).abs();
  return {.max = d.max().item<double>(), .mean = d.mean().item<double>()};
}

void expect_equal(const Fixture& fixture, const std::string& key, const at::Tensor& ours) {
  EXPECT_EQ(difference(ours, fixture.input(key)).max, 0) << key;
}

/// Numbers that a case name carries, such as 40, 7, 63, 80 in "crop_resize_y40_x7_h63_w80".
std::vector<double> numbers_in(const std::string& name) {
  static const std::regex kNumber("-?[0-9]+(\\.[0-9]+)?");
  std::vector<double> numbers;
  for (std::sregex_iterator it(name.begin(), name.end(), kNumber), end; it != end; ++it) {
    numbers.push_back(std::stod(it->str()));
  }
  return numbers;
}

TEST(AugmentParity, augment_flips) {
  RETINA_SKIP_WITHOUT(augment_fixture());
  const Fixture f = read_fixture();
  for (const auto& [name, flips] :
       {std::pair<std::string, Flips>{"hflip", {.columns = {1}, .rows = {0}}},
        std::pair<std::string, Flips>{"vflip", {.columns = {0}, .rows = {1}}}}) {
    expect_equal(f, name + ".image",
                 flip(f.input(f.input_name(name, "image")).unsqueeze(0), flips)[0]);
  }
}

TEST(AugmentParity, augment_resized_crops) {
  RETINA_SKIP_WITHOUT(augment_fixture());
  const Fixture f = read_fixture();
  for (const std::string& name : f.cases("crop_resize_")) {
    const std::vector<double> n = numbers_in(name);
    ASSERT_EQ(n.size(), 4U) << name;
    const Crop crop{static_cast<std::int64_t>(n[0]), static_cast<std::int64_t>(n[1]),
                    static_cast<std::int64_t>(n[2]), static_cast<std::int64_t>(n[3])};
    const at::Tensor expected = f.input(name + ".image");
    const int size = static_cast<int>(expected.size(0));
    const at::Tensor image =
        resized_crop(f.input(f.input_name(name, "image")), crop, size, Interpolation::bilinear);
    const Difference d = difference(image, expected);
    record(name, d);
    EXPECT_LE(d.max, 1) << name;
    expect_equal(
        f, name + ".mask",
        resized_crop(f.input(f.input_name(name, "mask")), crop, size, Interpolation::nearest));
  }
}

TEST(AugmentParity, augment_rotations) {
  RETINA_SKIP_WITHOUT(augment_fixture());
  const Fixture f = read_fixture();
  for (const std::string& name : f.cases("rotate_")) {
    const bool stated = f.parameters.contains(name);
    const std::array<double, 1> angle{stated
                                          ? f.parameters.at(name).at("angle_degrees").get<double>()
                                          : numbers_in(name).front()};
    const at::Tensor image = f.input(f.input_name(name, "image")).unsqueeze(0);
    const Difference d =
        difference(rotate(image, angle, Interpolation::bilinear)[0], f.input(name + ".image"));
    record(name, d);
    EXPECT_LE(d.max, 2) << name;
    EXPECT_LE(d.mean, 0.35) << name;
    if (f.tensors.find(name + ".mask") != nullptr) {
      const at::Tensor mask = f.input(f.input_name(name, "mask")).unsqueeze(0);
      expect_equal(f, name + ".mask", rotate(mask, angle, Interpolation::nearest)[0]);
    }
  }
}

/// The recorded matrices lead from source to target pixels; ours lead back.
TEST(AugmentParity, augment_rotation_matrices) {
  RETINA_SKIP_WITHOUT(augment_fixture());
  const Fixture f = read_fixture();
  int matrices = 0;
  for (const auto& [name, entry] : f.parameters.items()) {
    if (!entry.contains("matrix_2x3")) {
      continue;
    }
    ++matrices;
    const at::Tensor input = f.input(f.input_name(name, "image"));
    const std::array<double, 6> back =
        rotation_source(entry.at("angle_degrees").get<double>(), input.size(0), input.size(1));
    const auto there = entry.at("matrix_2x3").get<std::array<std::array<double, 3>, 2>>();
    const double d = back[0] * back[4] - back[1] * back[3];
    const std::array<std::array<double, 3>, 2> ours{
        {{back[4] / d, -back[1] / d, (back[1] * back[5] - back[4] * back[2]) / d},
         {-back[3] / d, back[0] / d, (back[3] * back[2] - back[0] * back[5]) / d}}};
    for (std::size_t row = 0; row < 2; ++row) {
      for (std::size_t column = 0; column < 3; ++column) {  // doubles up to the size of an image
        EXPECT_NEAR(ours[row][column], there[row][column], 1e-10) << name;
      }
    }
  }
  EXPECT_GT(matrices, 0);
}

TEST(AugmentParity, augment_brightness_contrast) {
  RETINA_SKIP_WITHOUT(augment_fixture());
  const Fixture f = read_fixture();
  for (const std::string& name : f.cases("brightness_contrast_")) {
    const Photometry p{.contrast = f.parameters.at(name).at("alpha").get<double>(),
                       .brightness = f.parameters.at(name).at("beta").get<double>()};
    EXPECT_TRUE(f.parameters.at(name).at("beta_by_max").get<bool>()) << "the unit: full range";
    const std::array<GreyTable, 1> table{grey_table(p, IntensityUnit::full_range, {})};
    const at::Tensor image = f.input(f.input_name(name, "image")).unsqueeze(0);
    expect_equal(f, name + ".image", apply_grey_tables(image, table)[0]);
  }
}

TEST(AugmentParity, augment_noise) {
  RETINA_SKIP_WITHOUT(augment_fixture());
  const Fixture f = read_fixture();
  for (const std::string& name : f.cases("gauss_noise_")) {
    const at::Tensor image = f.input(f.input_name(name, "image")).unsqueeze(0);
    expect_equal(f, name + ".image", add_noise(image, f.input(name + ".noise").unsqueeze(0))[0]);
  }
}

TEST(AugmentParity, augment_blur) {
  RETINA_SKIP_WITHOUT(augment_fixture());
  const Fixture f = read_fixture();
  for (const std::string& name : f.cases("gaussian_blur_")) {
    const std::vector<double> kernel =
        f.parameters.at(name).at("kernel").get<std::vector<double>>();
    const int side = static_cast<int>(kernel.size());
    const BlurKernel ours = blur_kernel(side);
    for (std::size_t i = 0; i < kernel.size(); ++i) {
      EXPECT_EQ(std::ldexp(ours.weights[i], -ours.shift), kernel[i]) << name;
    }
    const std::array<int, 1> sides{side};
    expect_equal(f, name + ".image",
                 gaussian_blur(f.input(f.input_name(name, "image")).unsqueeze(0), sides)[0]);
  }
}

TEST(AugmentParity, augment_coarse_dropout) {
  RETINA_SKIP_WITHOUT(augment_fixture());
  const Fixture f = read_fixture();
  for (const std::string& name : f.cases("coarse_dropout")) {
    std::vector<Crop> holes;
    for (const Json& h : f.parameters.at(name).at("holes_x1y1x2y2")) {
      holes.push_back({.y = h[1],
                       .x = h[0],
                       .height = h[3].get<int>() - h[1].get<int>(),
                       .width = h[2].get<int>() - h[0].get<int>()});
    }
    const at::Tensor ours = coarse_dropout(f.input(f.input_name(name, "image")), holes);
    expect_equal(f, name + ".image", ours);
    EXPECT_EQ(ours[holes.at(0).y][holes.at(0).x].item<int>(), f.parameters.at(name).at("fill"));
  }
}

TEST(AugmentParity, augment_padding) {
  RETINA_SKIP_WITHOUT(augment_fixture());
  const Fixture f = read_fixture();
  for (const std::string& name : f.cases("pad_if_needed")) {
    for (const std::string plane : {"image", "mask"}) {
      const at::Tensor input = f.input(f.input_name(name, plane)).contiguous();
      const at::Tensor expected = f.input(name + "." + plane);
      Geometry g;
      g.plane_shape = {1, input.size(0), input.size(1)};
      g.pad_top = f.parameters.at(name).at("top");
      g.pad_left = f.parameters.at(name).at("left");
      g.crop = {.y = 0, .x = 0, .height = expected.size(0), .width = expected.size(1)};
      compose(g, {.size = static_cast<int>(expected.size(0))});
      const auto pixels =
          reflect_window({input.const_data_ptr<std::uint8_t>(), input.size(0), input.size(1)}, g);
      expect_equal(f, name + "." + plane, at::tensor(pixels, at::kByte).view(expected.sizes()));
      const Geometry drawn =
          draw_geometry({.size = static_cast<int>(expected.size(0))}, 1, g.plane_shape, {});
      EXPECT_EQ(drawn.pad_top, g.pad_top);
      EXPECT_EQ(drawn.pad_left, g.pad_left);
      EXPECT_EQ(f.parameters.at(name).at("bottom"),
                expected.size(0) - input.size(0) - drawn.pad_top);
      EXPECT_EQ(f.parameters.at(name).at("right"),
                expected.size(1) - input.size(1) - drawn.pad_left);
    }
  }
}

TEST(AugmentParity, augment_normalisation) {
  RETINA_SKIP_WITHOUT(augment_fixture());
  const Fixture f = read_fixture();
  for (const std::string& name : f.cases("normalize_")) {
    const Normalisation n{.mean = f.parameters.at(name).at("mean"),
                          .std = f.parameters.at(name).at("std")};
    const at::Tensor input = f.input(f.input_name(name, "image"));
    const at::Tensor ours = normalise(input, n);
    expect_equal(f, name + ".image", ours);
    const double most = f.parameters.at(name).at("max_pixel_value");
    const at::Tensor stated = (input.to(at::kDouble) / most - n.mean) / n.std;
    EXPECT_LE(difference(ours, stated).max, 1e-6 * stated.abs().max().item<double>()) << name;
  }
}

/// The recorded chain, drawn parameters in place, through the pre-training transform.
TEST(AugmentParity, augment_chain_as_a_batch) {
  RETINA_SKIP_WITHOUT(augment_fixture());
  const Fixture f = read_fixture();
  for (const std::string& name : f.cases("chain_")) {
    const at::Tensor image = f.input(f.input_name(name, "image")).contiguous();
    const at::Tensor expected = f.input(name + ".image");
    Recipe recipe = restoration_recipe();
    recipe.size = static_cast<int>(expected.size(0));
    recipe.application = Application::published;
    Sample sample;
    sample.image_YX = image;
    Geometry& g = sample.geometry;
    g.plane_shape = {1, image.size(0), image.size(1)};
    g.patch = g.crop = {.y = 0, .x = 0, .height = image.size(0), .width = image.size(1)};
    const Json& params = f.parameters.at(name).at("params");
    for (const Json& step : f.parameters.at(name).at("order")) {
      const Json& p = params.at(step.get<std::string>());
      if (step == "HorizontalFlip") {
        g.flip_x = true;
      } else if (step == "VerticalFlip") {
        g.flip_y = true;
      } else if (step == "Rotate") {
        g.angle = p.at("angle");
      } else {
        g.crop = {.y = p.at("y"),
                  .x = p.at("x"),
                  .height = p.at("crop_height"),
                  .width = p.at("crop_width")};
        // the published code keeps the offset as a share of the room around the crop
        const auto expect_share = [&](const char* share, std::int64_t start, std::int64_t room) {
          EXPECT_NEAR(p.at(share).get<double>() * (static_cast<double>(room) + 1e-10),
                      static_cast<double>(start), 1e-9)
              << name;
        };
        expect_share("h_start", g.crop.y, image.size(0) - g.crop.height);
        expect_share("w_start", g.crop.x, image.size(1) - g.crop.width);
      }
    }
    compose(g, recipe);
    const AugmentedBatch batch = make_batch({sample}, recipe, {.mean = 0, .std = 1.0 / 255},
                                            at::kCPU, Path::automatic, Wanted::images_and_clean);
    for (const at::Tensor& plane : {batch.images_NCYX, batch.clean_NCYX}) {
      const Difference d = difference(plane[0][0].round().to(at::kByte), expected);
      record(name, d);
      EXPECT_LE(d.max, 2) << name;
      EXPECT_LE(d.mean, 0.35) << name;
    }
  }
}

TEST(AugmentParity, augment_chains) {
  RETINA_SKIP_WITHOUT(augment_fixture());
  const Fixture f = read_fixture();
  for (const std::string& name : f.cases("chain_")) {
    at::Tensor image = f.input(f.input_name(name, "image"));
    const at::Tensor expected = f.input(name + ".image");
    for (const Json& step : f.parameters.at(name).at("order")) {
      const Json& p = f.parameters.at(name).at("params").at(step.get<std::string>());
      if (step == "HorizontalFlip") {
        image = flip(image.unsqueeze(0), Flips{.columns = {1}, .rows = {0}})[0];
      } else if (step == "VerticalFlip") {
        image = flip(image.unsqueeze(0), Flips{.columns = {0}, .rows = {1}})[0];
      } else if (step == "Rotate") {
        const std::array<double, 1> angle{p.at("angle").get<double>()};
        image = rotate(image.unsqueeze(0), angle, Interpolation::bilinear)[0];
      } else if (step == "RandomResizedCrop") {
        const Crop crop{.y = p.at("y"),
                        .x = p.at("x"),
                        .height = p.at("crop_height"),
                        .width = p.at("crop_width")};
        image =
            resized_crop(image, crop, static_cast<int>(expected.size(0)), Interpolation::bilinear);
      } else {
        FAIL() << name << ": unknown step " << step;
      }
    }
    const Difference d = difference(image, expected);
    record(name, d);
    EXPECT_LE(d.max, 2) << name;
    EXPECT_LE(d.mean, 0.35) << name;
  }
}

}  // namespace
}  // namespace retina::augment
