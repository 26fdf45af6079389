#include "retina/pipeline/bench/bench.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/augment/compose.h"
#include "retina/core/clock.h"
#include "retina/model/model.h"
#include "retina/net/network.h"
#include "retina/pipeline/bench/bench_timer.h"
#include "retina/pipeline/bench/bench_trace.h"
#include "retina/pipeline/bench/pretrain_rate.h"
#include "retina/pipeline/predict/predict.h"
#include "retina/pipeline/scratch_folder.h"
#include "retina/store/open.h"
#include "retina/tensor/convert.h"
#include "retina/tensor/device.h"
#include "retina/trainer/graphed_step.h"
#include "retina/trainer/optimizer.h"
#include "retina/trainer/supervised_task.h"

namespace retina::pipeline {
namespace {

constexpr std::int64_t kWindow = 224;
/// A part of the network is timed for this share of the seconds of a figure.
constexpr double kPartsOfAFigure = 5;

/// What the figures share.
struct Bench {
  const BenchOptions& options;
  at::Device device;
  at::ScalarType fast_type;  ///< bf16 where the device is fast at it: the default of training
  const core::Context& context;

  /// Units per second: the median of repeats of `run`, each of which does `units`.
  double rate(double units, const std::function<void()>& run) const {
    return BenchTimer(device, options.seconds).rate(units, run);
  }
  Json network_options() const {
    return core::merge(net::preset_network(options.preset, 2), options.network);
  }
  std::shared_ptr<net::DenseNetwork> network() const {
    torch::manual_seed(1);
    auto network = net::make_network("transunet", network_options());
    network->to(device);
    return network;
  }
  at::Tensor images_NCYX(std::int64_t side) const {
    return at::randn({options.batch, 1, side, side}, at::TensorOptions().device(device));
  }
};

double forward(const Bench& bench, at::ScalarType type) {
  tensor::use_precision(type == at::kFloat ? tensor::Precision::fp32 : tensor::Precision::automatic,
                        bench.device);
  const auto network = bench.network()->prepared_for_inference(bench.device, type);
  const at::Tensor images_NCYX = bench.images_NCYX(network->input().window).to(type);
  const c10::InferenceMode inference;
  return bench.rate(static_cast<double>(bench.options.batch),
                    [&] { network->forward(images_NCYX); });
}

/// A training step on one batch of random pixels, again and again.
std::function<void()> repeated_step(const Bench& bench) {
  tensor::use_precision(tensor::Precision::automatic, bench.device);
  const auto network = bench.network();
  network->train();
  const std::int64_t side = network->input().window;
  const trainer::TaskInputs batch{
      .images_NCYX = bench.images_NCYX(side),
      .targets = at::randint(0, 2, {bench.options.batch, side, side},
                             at::TensorOptions().device(bench.device).dtype(at::kLong))};
  const auto task = std::make_shared<trainer::SupervisedTask>(
      network, [batch](const data::RawBatch&) { return batch; },
      trainer::SupervisedOptions{.arithmetic = bench.fast_type == at::kBFloat16
                                                   ? trainer::Arithmetic::bf16
                                                   : trainer::Arithmetic::fp32});
  const auto optimizer =
      std::make_shared<trainer::Optimizer>(*network, trainer::OptimizerOptions{});
  if (!bench.options.cuda_graph) {
    return [task, optimizer] {
      task->step({}, 1).loss.backward();
      optimizer->step(0.003);
    };
  }
  const auto graphed = std::make_shared<trainer::GraphedStep>(
      *task, [log = bench.context.log](const std::string& text) { log->info("{}", text); });
  return [task, optimizer, graphed] {
    graphed->run(task->prepare({}));
    optimizer->step(0.003);
  };
}

double train_step(const Bench& bench) {
  return bench.rate(static_cast<double>(bench.options.batch), repeated_step(bench));
}

double pretraining(const Bench& bench) {
  return pretrain_rate({.preset = bench.options.preset,
                        .device = bench.options.device,
                        .threads = static_cast<int>(bench.options.threads),
                        .batch = bench.options.batch,
                        .seconds = bench.options.seconds,
                        .network = bench.options.network},
                       bench.context);
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

/// The image of the user, or random pixels in a file.
std::string bench_image(const BenchOptions& options, const ScratchFolder& folder) {
  if (!options.image.empty()) {
    return options.image;
  }
  const core::Vec3 shape{1, 1024, 1024};
  const std::string path = folder / "image.pack";
  const auto file = store::create(path, {.shape = shape});
  file->write(core::whole(shape), tensor::to_array(at::randint(0, 256, {1024, 1024}, at::kByte)));
  file->finish();
  return path;
}

model::Card bench_card(const Bench& bench) {
  model::Card card;
  card.name = bench.options.preset;
  card.network_options = bench.network_options();
  card.classes = {{.id = 0, .name = "background"}, {.id = 1, .name = "foreground"}};
  return card;
}

/// Megapixels per second of one image file through `retina predict` to a label file; loading the
/// model is left out.
double predict(const Bench& bench, tensor::Precision precision) {
  const ScratchFolder folder;
  const auto network = bench.network();
  model::save(folder / "model", bench_card(bench), *network);
  PredictOptions options;
  options.model = folder / "model";
  options.input = bench_image(bench.options, folder);
  options.output = folder / "labels.pack";
  options.device = bench.options.device;
  options.precision = precision;
  options.threads = static_cast<int>(bench.options.threads);
  options.overwrite = true;
  if (bench.device.is_cuda()) {
    options.max_ram = "32GiB";  // not what is measured, and the device's libraries take gigabytes
  }
  pipeline::predict(options, core::silent_context());
  std::vector<double> rates;
  const core::Stopwatch total;
  while (rates.size() < 3 || (total.seconds() < bench.options.seconds && rates.size() < 100)) {
    const PredictReport report = pipeline::predict(options, core::silent_context());
    rates.push_back(static_cast<double>(report.voxels) / 1e6 / report.seconds);
  }
  return median(std::move(rates));
}

/// Every figure by its name; the one table of them.
struct FigureEntry {
  const char* name;
  const char* unit;
  double (*measure)(const Bench&);
};
constexpr std::array<FigureEntry, 7> kFigures{{
    {"forward_fp32", "images/s", [](const Bench& b) { return forward(b, at::kFloat); }},
    {"forward_default", "images/s", [](const Bench& b) { return forward(b, b.fast_type); }},
    {"train_step", "images/s", train_step},
    {"pretrain", "images/s", pretraining},
    {"augment", "images/s per core", augmentation},
    {"predict_1024", "Mpixel/s",
     [](const Bench& b) { return predict(b, tensor::Precision::automatic); }},
    {"predict_1024_bf16", "Mpixel/s",
     [](const Bench& b) { return predict(b, tensor::Precision::bf16); }},
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
  const core::OutputLock lock =  // before the work is done
      options.trace.empty() ? core::OutputLock() : lock_trace(options.trace);
  tensor::set_threads(static_cast<int>(options.threads));
  tensor::keep_freed_memory();
  const at::Device device = tensor::choose_device(options.device);
  tensor::tune_convolutions();
  const Bench shared{options, device, tensor::bf16_is_fast(device) ? at::kBFloat16 : at::kFloat,
                     context};
  BenchReport report{.device = device.str(),
                     .precision = shared.fast_type == at::kBFloat16 ? "bf16" : "fp32",
                     .figures = {}};
  for (const FigureEntry& figure : kFigures) {
    const bool wanted = (options.figures.empty() && !options.layers && options.trace.empty()) ||
                        std::find(options.figures.begin(), options.figures.end(), figure.name) !=
                            options.figures.end();
    if (wanted) {
      context.check_stop("");
      context.log->info("measuring {}", figure.name);
      report.figures.push_back({figure.name, figure.measure(shared), figure.unit});
    }
  }
  if (options.layers) {
    context.check_stop("");
    context.log->info("measuring the parts of the network");
    tensor::use_precision(tensor::Precision::automatic, device);
    report.roofline =
        measure_roofline(*shared.network(), {.device = device,
                                             .dtype = shared.fast_type,
                                             .batch = options.batch,
                                             .seconds = options.seconds / kPartsOfAFigure});
  }
  if (!options.trace.empty()) {
    context.check_stop("");
    context.log->info("recording training steps in {}", options.trace);
    write_trace(options.trace, device, repeated_step(shared));
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
  Json json{{"device", report.device}, {"precision", report.precision}, {"figures", figures}};
  if (report.roofline) {
    json.update(to_json(*report.roofline));
  }
  return json;
}

std::string to_text(const BenchReport& report) {
  std::string text =
      fmt::format("{}, training and forward_default in {}\n", report.device, report.precision);
  for (const Figure& figure : report.figures) {
    text += fmt::format("{:<16} {:>9.4g} {}\n", figure.name, figure.ours, figure.unit);
  }
  if (!report.figures.empty()) {
    text += "benchmark/compare_peer runs the published code beside these\n";
  }
  return report.roofline ? text + "\n" + to_text(*report.roofline) : text;
}

}  // namespace retina::pipeline
