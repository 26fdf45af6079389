#include "retina/pipeline/bench/pretrain_rate.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <vector>

#include <ATen/ATen.h>

#include "retina/net/network.h"
#include "retina/pipeline/bench/bench_timer.h"
#include "retina/pipeline/pretrain/pretrain.h"
#include "retina/pipeline/run/preset_recipe.h"
#include "retina/pipeline/scratch_folder.h"
#include "retina/report/metrics_log.h"
#include "retina/store/open.h"
#include "retina/tensor/convert.h"

namespace retina::pipeline {
namespace {

constexpr std::int64_t kRandomPlanes = 64;
constexpr std::int64_t kUncountedSteps = 2;  ///< first steps of a run, while reading ahead begins
constexpr std::int64_t kLeastTimedSteps = 5;
constexpr std::int64_t kMostTimedSteps = 1000;

std::string write_random_planes(const PretrainRateOptions& options, const ScratchFolder& folder) {
  const Json network = core::merge(pretraining_recipe(options.preset)["network"], options.network);
  const auto window = network.at("window").get<std::int64_t>();
  const core::Vec3 shape{std::max(kRandomPlanes, options.batch), window, window};
  const std::string path = folder / "planes.pack";
  const auto file = store::create(path, {.shape = shape});
  file->write(core::whole(shape),
              tensor::to_array(at::randint(0, 256, {shape[0], shape[1], shape[2]}, at::kByte)));
  file->finish();
  return path;
}

/// Median images per second of a run of `steps` steps and some that do not count.
double rate_of_run(const PretrainRateOptions& options, const std::string& planes,
                   const std::string& run, std::int64_t steps, const core::Context& context) {
  const Json given{{"preset", options.preset},
                   {"network", options.network},
                   {"images", Json::array({planes})},
                   {"output", run},
                   {"overwrite", true},
                   {"device", options.device},
                   {"threads", options.threads},
                   {"batch", options.batch},
                   {"steps", kUncountedSteps + steps},
                   {"precision", "auto"},
                   {"augment", {{"application", "composed"}}},
                   {"log_every", 1},
                   {"checkpoint_epochs", 0},
                   {"pictures_every", 0},
                   {"pictures", 1},
                   {"collapse_after", 0}};
  core::Context quiet = core::silent_context();
  quiet.stop = context.stop;
  pretrain(core::options_from_json<PretrainOptions>(resolve_pretrain(given, quiet)), quiet);
  std::vector<double> rates;
  for (const Json& line : report::read_metrics(std::filesystem::path(run) / "metrics.jsonl")) {
    rates.push_back(line.at("images_per_second").get<double>());
  }
  return median({rates.begin() + kUncountedSteps, rates.end()});
}

}  // namespace

double pretrain_rate(const PretrainRateOptions& options, const core::Context& context) {
  const ScratchFolder folder;
  const std::string planes = write_random_planes(options, folder);
  const std::string run = folder / "run";
  // a short run warms the process up and says how many steps fill the time
  const double first = rate_of_run(options, planes, run, 1, context);
  std::filesystem::remove_all(run);  // a large network's checkpoints are large
  const auto steps = static_cast<std::int64_t>(
      std::ceil(options.seconds * first / static_cast<double>(options.batch)));
  return rate_of_run(options, planes, run, std::clamp(steps, kLeastTimedSteps, kMostTimedSteps),
                     context);
}

}  // namespace retina::pipeline
