#include "retina/pipeline/bench.h"

#include <algorithm>
#include <array>
#include <functional>

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <spdlog/logger.h>
#include <torch/cuda.h>
#include <torch/optim/sgd.h>

#include "retina/augment/compose.h"
#include "retina/core/clock.h"
#include "retina/engine/predictor.h"
#include "retina/loss/segmentation_loss.h"
#include "retina/net/network.h"
#include "retina/store/open.h"
#include "retina/tensor/convert.h"
#include "retina/tensor/device.h"

namespace retina::pipeline {
namespace {

constexpr std::int64_t kWindow = 224;

/// What the figures share.
struct Bench {
  const BenchOptions& options;
  at::Device device;
  at::ScalarType default_type;  ///< bf16 where the device is fast at it

  void synchronise() const {
    if (device.is_cuda()) {
      torch::cuda::synchronize();
    }
  }
  /// Units per second: the median of repeats of `run`, each of which does `units`.
  double rate(double units, const std::function<void()>& run) const {
    run();
    run();
    synchronise();
    std::vector<double> seconds;
    const core::Stopwatch total;
    while (seconds.size() < 3 || (total.seconds() < options.seconds && seconds.size() < 1000)) {
      const core::Stopwatch watch;
      run();
      synchronise();
      seconds.push_back(watch.seconds());
    }
    std::nth_element(seconds.begin(),
                     seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2),
                     seconds.end());
    return units / seconds[seconds.size() / 2];
  }
  std::shared_ptr<net::DenseNetwork> network() const {
    torch::manual_seed(1);
    auto network = net::make_network("transunet", net::preset_network(options.preset, 2));
    network->to(device);
    return network;
  }
  at::Tensor images_NCYX(std::int64_t side) const {
    return at::randn({options.batch, 1, side, side}, at::TensorOptions().device(device));
  }
};

double forward(const Bench& bench, at::ScalarType type) {
  const auto network = bench.network()->prepared_for_inference(bench.device, type);
  const at::Tensor images_NCYX = bench.images_NCYX(network->input().window).to(type);
  const c10::InferenceMode inference;
  return bench.rate(static_cast<double>(bench.options.batch),
                    [&] { network->forward(images_NCYX); });
}

double train_step(const Bench& bench) {
  const auto network = bench.network();
  network->train();
  torch::optim::SGD optimizer(network->parameters(),
                              torch::optim::SGDOptions(0.003).momentum(0.9).weight_decay(1e-4));
  const std::int64_t side = network->input().window;
  const at::Tensor images_NCYX = bench.images_NCYX(side);
  const at::Tensor labels_NYX =
      at::randint(0, 2, {bench.options.batch, side, side},
                  at::TensorOptions().device(bench.device).dtype(at::kLong));
  const auto step = [&] {
    at::Tensor logits_NKYX;
    {
      const tensor::AutocastGuard autocast(bench.device.type(),
                                           bench.default_type == at::kBFloat16);
      logits_NKYX = network->forward(images_NCYX);
    }
    optimizer.zero_grad();
    loss::segmentation_loss(logits_NKYX.to(at::kFloat), labels_NYX).total.backward();
    optimizer.step();
  };
  return bench.rate(static_cast<double>(bench.options.batch), step);
}

/// Images per second and core of the published fine-tuning augmentation (with noise and blur) on
/// crops in memory.
double augmentation(const Bench& bench) {
  augment::Recipe recipe;
  recipe.noise_probability = 0.5;
  recipe.blur_probability = 0.5;
  const at::Tensor images_NYX = at::randint(0, 256, {64, kWindow, kWindow}, at::kByte);
  const at::Tensor labels_NYX = images_NYX.gt(128).to(at::kByte);
  std::uint64_t seed = 0;
  const auto run = [&] {
    std::vector<augment::Sample> samples;
    for (std::int64_t i = 0; i < images_NYX.size(0); ++i) {
      ++seed;
      samples.push_back(
          {.image_YX = images_NYX[i],
           .labels_YX = labels_NYX[i],
           .geometry = augment::draw_geometry(recipe, seed, {1, kWindow, kWindow}, std::nullopt),
           .photometry = augment::draw_photometry(recipe, seed)});
      const core::Box3& box = samples.back().geometry.box;
      for (at::Tensor* pixels : {&samples.back().image_YX, &samples.back().labels_YX}) {
        *pixels = pixels->slice(0, box.start[1], box.stop()[1])
                      .slice(1, box.start[2], box.stop()[2])
                      .contiguous();
      }
    }
    augment::make_batch(samples, recipe, {.mean = 0.57287007, .std = 0.12740536}, bench.device);
  };
  const int before = at::get_num_threads();
  tensor::set_threads(1);
  const double rate = bench.rate(static_cast<double>(images_NYX.size(0)), run);
  tensor::set_threads(before);
  return rate;
}

at::Tensor bench_image(const BenchOptions& options) {
  if (options.image.empty()) {
    return at::randint(0, 256, {1024, 1024}, at::kByte);
  }
  const auto volume = store::open(options.image);
  core::Array plane = volume->read(core::slice_box(volume->shape(), 0, 0));
  return tensor::view_CZYX(plane)[0][0].clone();
}

/// Megapixels per second of one image through the default procedure, preprocessing and decision
/// included.
double predict(const Bench& bench) {
  const at::Tensor pixels_YX = bench_image(bench.options);
  const auto network = bench.network()->prepared_for_inference(bench.device, bench.default_type);
  engine::PlanePredictor predictor(network, {}, {}, bench.device, bench.default_type);
  return bench.rate(static_cast<double>(pixels_YX.numel()) / 1e6,
                    [&] { predictor.labels(pixels_YX); });
}

/// Every figure by its name; the one table of them.
struct FigureEntry {
  const char* name;
  const char* unit;
  double (*measure)(const Bench&);
};
constexpr std::array<FigureEntry, 5> kFigures{{
    {"forward_fp32", "images/s", [](const Bench& b) { return forward(b, at::kFloat); }},
    {"forward_default", "images/s", [](const Bench& b) { return forward(b, b.default_type); }},
    {"train_step", "images/s", train_step},
    {"augment", "images/s per core", augmentation},
    {"predict_1024", "Mpixel/s", predict},
}};

std::vector<std::string> figure_names() {
  std::vector<std::string> names;
  for (const FigureEntry& figure : kFigures) {
    names.emplace_back(figure.name);
  }
  return names;
}

}  // namespace

std::vector<Problem> BenchOptions::validate() const {
  std::vector<Problem> problems;
  const std::vector<std::string> known = figure_names();
  for (const std::string& name : figures) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      problems.push_back({.subject = "figures",
                          .found = "'" + name + "'",
                          .remedy = core::suggestion(name, known)});
    }
  }
  if (batch < 1) {
    problems.push_back(
        {.subject = "batch", .found = std::to_string(batch), .expected = "1 or more"});
  }
  return problems;
}

BenchReport bench(const BenchOptions& options, const core::Context& context) {
  tensor::set_threads(static_cast<int>(options.threads));
  tensor::keep_freed_memory();
  const at::Device device = tensor::choose_device(options.device);
  const Bench shared{options, device, tensor::bf16_is_fast(device) ? at::kBFloat16 : at::kFloat};
  BenchReport report{.device = device.str(),
                     .precision = shared.default_type == at::kBFloat16 ? "bf16" : "fp32",
                     .figures = {}};
  for (const FigureEntry& figure : kFigures) {
    const bool wanted = options.figures.empty() ||
                        std::find(options.figures.begin(), options.figures.end(), figure.name) !=
                            options.figures.end();
    if (wanted) {
      context.check_stop("");
      context.log->info("measuring {}", figure.name);
      report.figures.push_back({figure.name, figure.measure(shared), figure.unit});
    }
  }
  return report;
}

Json to_json(const BenchReport& report) {
  Json figures = Json::array();
  for (const Figure& figure : report.figures) {
    figures.push_back({{"name", figure.name},
                       {"ours", figure.ours},
                       {"peer", nullptr},
                       {"ratio", nullptr},
                       {"unit", figure.unit}});
  }
  return {{"device", report.device}, {"precision", report.precision}, {"figures", figures}};
}

std::string to_text(const BenchReport& report) {
  std::string text = fmt::format("{}, default precision {}\n", report.device, report.precision);
  for (const Figure& figure : report.figures) {
    text += fmt::format("{:<16} {:>9.4g} {}\n", figure.name, figure.ours, figure.unit);
  }
  return text + "benchmark/compare_peer runs the published code beside these\n";
}

}  // namespace retina::pipeline
