#include "retina/pipeline/predict/prediction_setup.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/file.h"
#include "retina/core/finite.h"
#include "retina/core/json_text.h"
#include "retina/core/resource_limits.h"
#include "retina/store/location.h"
#include "retina/store/open.h"
#include "retina/store/output.h"
#include "retina/store/output_place.h"

namespace retina::pipeline {

namespace fs = std::filesystem;

namespace {

/// Bytes of activations for each pixel of a batch: measured, full-size network, fp32.
constexpr std::int64_t kActivationBytesPerPixel = 800;
/// How long a block or image may go on after a stop request: the program must end within 10 s.
constexpr double kStopGrace_s = 4;
constexpr std::int64_t kLeastBufferBytes = std::int64_t{32} << 20;

/// `auto` is fp32: bf16 keeps the IoU, but moves the area of one object in a hundred by more than
/// 2 % (docs/inference.md), which is too much for measurements.
tensor::Precision chosen_precision(const PredictOptions& options, const at::Device& device) {
  return options.precision == tensor::Precision::automatic
             ? tensor::Precision::fp32
             : tensor::choose_precision(options.precision, device);
}

}  // namespace

engine::WindowOptions window_options(const PredictOptions& options) {
  engine::WindowOptions windows = options.procedure == Procedure::published
                                      ? engine::published_windows()
                                      : engine::WindowOptions{};
  windows.window = options.window.value_or(windows.window);
  windows.overlap = options.overlap.value_or(windows.overlap);
  windows.blend = options.blend.value_or(windows.blend);
  windows.padding = options.padding.value_or(windows.padding);
  windows.batch = options.batch.value_or(windows.batch);
  return windows;
}

PredictionSetup make_setup(const PredictOptions& options, const core::Context& context) {
  PredictionSetup setup;
  setup.options = options;
  setup.windows = window_options(options);
  const at::Device device = tensor::choose_device(options.device);
  setup.precision = chosen_precision(options, device);
  const at::ScalarType dtype = tensor::choose_type(setup.precision, device);
  tensor::use_precision(setup.precision, device);
  tensor::set_threads(options.threads);
  tensor::keep_freed_memory();
  const fs::path folder = model::find_model_folder(options.model);
  model::Model loaded = model::load(folder);
  if (loaded.network->head().name != "segmentation") {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = options.model,
                        .found = "a pre-trained network, which restores images",
                        .expected = "one that was fine-tuned",
                        .remedy = "train it: retina finetune --init " + options.model});
  }
  if (options.threshold && loaded.network->head().channels > 1) {
    throw Error(ErrorKind::usage,
                Problem{.subject = "--threshold",
                        .found = fmt::format("a model of {} classes", loaded.card.classes.size()),
                        .expected = "a one-class model: of several classes the likeliest is taken",
                        .remedy = "leave it out, or write --probabilities"});
  }
  if (setup.windows.window > 0 && setup.windows.window != loaded.network->input().window) {
    context.log->warn("windows of {} pixels instead of the network's {}: positions are resampled",
                      setup.windows.window, loaded.network->input().window);
    loaded = model::with_window(loaded, setup.windows.window);
  }
  setup.weights_digest = core::digest(core::MappedFile(folder / model::kWeightsFile).bytes());
  setup.card = loaded.card;
  setup.threshold = options.threshold.value_or(loaded.card.threshold);
  setup.postprocess = options.postprocess().over(loaded.card.postprocess);
  setup.trained_nm = loaded.card.voxel_nm_seen;
  if (options.model_voxel_nm.size() == 3) {
    const auto& nm = options.model_voxel_nm;
    setup.trained_nm = {{nm[0], nm[1], nm[2]}};
  }
  setup.predictor = std::make_unique<engine::PlanePredictor>(
      options.dry_run ? loaded.network : loaded.network->prepared_for_inference(device, dtype),
      loaded.card.preprocess, setup.windows, device, dtype);
  setup.predictor->set_hooks(engine::predictor_hooks(context, kStopGrace_s, core::kContinueHint));
  if (!setup.card.licence.empty()) {
    context.log->info("licence of the model: {}", setup.card.licence);
  }
  context.log->info("model '{}' on {}, {}, window {}, procedure {}", setup.card.name, device.str(),
                    core::enum_name(setup.precision), setup.predictor->window(),
                    core::enum_name(options.procedure));
  return setup;
}

std::int64_t buffer_bytes(const PredictionSetup& setup, int batch) {
  const std::int64_t limit = core::memory_limit(setup.options.max_ram);
  const std::int64_t side = setup.predictor->window();
  const std::int64_t activations =
      setup.predictor->device().is_cuda() ? 0 : batch * side * side * kActivationBytesPerPixel;
  const std::int64_t taken = core::peak_rss_bytes() + activations;
  if (limit - taken < kLeastBufferBytes) {
    throw Error(ErrorKind::resource,
                Problem{.subject = "--max-ram",
                        .found = core::format_size(limit),
                        .expected = fmt::format("at least {} for this network",
                                                core::format_size(taken + kLeastBufferBytes)),
                        .remedy = "allow more memory, or a smaller --batch"});
  }
  return limit - taken;
}

InputRange input_range(const PredictionSetup& setup, const core::Volume& input) {
  const core::VolumeInfo& info = input.info();
  InputRange found;
  if (setup.options.input_range.size() == 2) {
    found = {{setup.options.input_range[0], setup.options.input_range[1]}, "given"};
  } else if (info.dtype == core::DType::u8) {
    return found;
  } else if (setup.card.preprocess.range != core::IntensityRange{}) {
    found = {setup.card.preprocess.range, "of the model"};
  } else {
    found = {core::estimate_range(input, setup.options.seed),
             "0.1 and 99.9 percentile of a sample"};
  }
  found.note = core::non_finite_note(info.source, core::sample_finite(input, setup.options.seed));
  return found;
}

std::unique_ptr<core::Volume> open_grey(const std::string& path, const PredictOptions& options) {
  return require_grey(store::open(path, options.reading.open_options()), path);
}

std::unique_ptr<core::Volume> require_grey(std::unique_ptr<core::Volume> volume,
                                           const std::string& path) {
  if (volume->info().channels != 1) {
    throw Error(
        ErrorKind::bad_data,
        Problem{.subject = fmt::format("'{}'", path),
                .found = fmt::format("{} channels", volume->info().channels),
                .expected = "one channel of grey values",
                .remedy = fmt::format("name one, such as '{}:c=0', or convert it to grey", path)});
  }
  return volume;
}

std::string resume_key(const PredictionSetup& setup, const Json& what) {
  Json key = {{"weights", setup.weights_digest},
              {"card", model::to_json(setup.card)},
              {"windows", core::options_to_json(setup.windows)},
              {"procedure", core::enum_name(setup.options.procedure)},
              {"precision", core::enum_name(setup.precision)},
              {"threshold", setup.threshold},
              {"probabilities", setup.options.probabilities},
              {"postprocess", core::options_to_json(setup.postprocess)},
              {"what", what}};
  const std::string text = core::dump_json(key);
  return core::digest(std::as_bytes(std::span(text)));
}

std::string sibling_path(const std::string& output, const std::string& suffix) {
  const store::OutputPlace place = store::output_place(output);
  const fs::path& root = place.root;
  if (!place.inner.empty()) {
    return fmt::format("{}{}{}_{}", root.string(), place.is_zarr ? "/" : ":/", place.inner, suffix);
  }
  const std::string name =
      fmt::format("{}_{}{}", root.stem().string(), suffix, root.extension().string());
  return (root.parent_path() / name).string();
}

fs::path outside_path(const std::string& output, const std::string& suffix) {
  const store::OutputPlace place = store::output_place(output);
  return place.inner.empty() ? fs::path(sibling_path(output, suffix)).replace_extension()
                             : fs::path(place.beside.string() + "_" + suffix);
}

void refuse_other_files(const fs::path& folder, const std::vector<std::string>& extensions) {
  if (!fs::is_directory(folder)) {
    return;
  }
  store::refuse_foreign(
      folder, store::foreign_entries(folder, [&](const fs::directory_entry& entry) {
        const std::string extension = store::extension_of(entry.path());
        return entry.is_regular_file() &&
               std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
      }));
}

}  // namespace retina::pipeline
