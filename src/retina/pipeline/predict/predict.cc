#include "retina/pipeline/predict/predict.h"

#include <algorithm>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/file.h"
#include "retina/core/resource_limits.h"
#include "retina/pipeline/predict/image_set.h"
#include "retina/pipeline/predict/image_set_prediction.h"
#include "retina/pipeline/predict/prediction_setup.h"
#include "retina/pipeline/predict/volume_prediction.h"
#include "retina/store/location.h"
#include "retina/store/open.h"
#include "retina/store/output.h"
#include "retina/store/output_place.h"
#include "retina/store/pack/pack.h"
#include "retina/tensor/device_meter.h"

namespace retina::pipeline {

namespace {

using engine::AxesMode;

/// The mode for a volume whose user chose none, and why.
AxesMode mode_of(const core::VolumeInfo& info, const core::Context& context) {
  const auto choose = [&](AxesMode mode, const std::string& why) {
    context.log->info("axes mode {}: {} (--axes-mode chooses another)", core::enum_name(mode), why);
    return mode;
  };
  if (info.is_2d() || info.shape[0] == 1) {
    return choose(AxesMode::plane, "a single image");
  }
  if (!info.voxel_nm) {
    return choose(AxesMode::stack, "a volume of unknown voxel size");
  }
  const auto [least, most] = std::minmax_element(info.voxel_nm->begin(), info.voxel_nm->end());
  const std::string voxels =
      fmt::format("voxels of {} nm (z, y, x)", core::to_string(*info.voxel_nm));
  return *most <= 2 * *least ? choose(AxesMode::orthoplane, voxels + ", nearly isotropic")
                             : choose(AxesMode::stack, voxels + ", anisotropic");
}

/// False for a folder of slices, or what is yet to be named.
bool has_extension(const std::string& output) {
  return !store::output_place(output).extension.empty();
}

/// A volume's output without extension is stored like its input.
std::string with_extension(const PredictOptions& options, const core::VolumeInfo& input,
                           const core::Context& context) {
  if (has_extension(options.output)) {
    return options.output;
  }
  const bool is_tiff = input.format.find("tiff") != std::string::npos ||
                       input.format.find("TIFF") != std::string::npos;
  const char* like_input = is_tiff ? ".tif" : ".zarr";
  const std::string named =
      options.output + (store::can_create(options.output + like_input) ? like_input : ".pack");
  store::refuse_replacing_input(options.input, named);
  context.log->info("output '{}' has no extension: writing '{}'", options.output, named);
  return named;
}

std::vector<std::string> names_of(const std::vector<SetImage>& images) {
  std::vector<std::string> names;
  for (const SetImage& image : images) {
    names.push_back(image.name);
  }
  return names;
}

/// A set becomes a folder of PNG files where this build can write them, else a pack.
std::string set_output(const PredictOptions& options, const core::Context& context) {
  if (has_extension(options.output) || store::can_create("image.png")) {
    return options.output;
  }
  const std::string named = options.output + ".pack";
  store::refuse_replacing_input(options.input, named);
  context.log->info("output '{}': this build writes packs only: writing '{}'", options.output,
                    named);
  return named;
}

PredictReport predict_pack(const PredictionSetup& setup, const std::vector<SetImage>& images,
                           const core::Context& context) {
  const PredictOptions& options = setup.options;
  if (options.axes_mode.value_or(AxesMode::plane) != AxesMode::plane) {
    throw Error(
        ErrorKind::usage,
        Problem{.subject = fmt::format("input '{}'", options.input),
                .found = fmt::format("a pack of {} items", images.size()),
                .expected = "one volume for --axes-mode " + core::enum_name(*options.axes_mode),
                .remedy = fmt::format("name the item, {}", images.front().path)});
  }
  const std::string extension = store::output_place(options.output).extension;
  if (!extension.empty() && extension != ".pack") {
    throw Error(ErrorKind::usage,
                Problem{.subject = fmt::format("output '{}'", options.output),
                        .found = fmt::format("one image for the {} items of '{}'", images.size(),
                                             options.input),
                        .expected = "a folder (a name without extension) or a .pack",
                        .remedy = fmt::format("or name one item, {}", images.front().path)});
  }
  context.log->info("'{}': a pack is a set of {} images", options.input, images.size());
  return predict_image_set(setup, images, set_output(options, context), context);
}

PredictReport predict_folder(const PredictionSetup& setup, const std::vector<SetImage>& images,
                             const core::Context& context) {
  const PredictOptions& options = setup.options;
  const AxesMode mode = options.axes_mode.value_or(AxesMode::plane);
  if (!options.axes_mode) {
    context.log->info(
        "'{}': a folder is a set of {} images (--axes-mode stack or orthoplane makes "
        "it a volume)",
        options.input, images.size());
  }
  if (mode == AxesMode::plane && !has_extension(options.output)) {
    return predict_image_set(setup, images, options.output, context);
  }
  const auto volume = open_grey(options.input, options);
  return predict_one(setup, *volume, mode, options.output, names_of(images), context);
}

PredictReport predict_set(const PredictionSetup& setup, const std::vector<SetImage>& images,
                          const core::Context& context) {
  const bool is_pack = store::is_pack(store::parse_location(setup.options.input));
  return is_pack ? predict_pack(setup, images, context) : predict_folder(setup, images, context);
}

PredictReport predict_file(const PredictionSetup& setup, const core::Context& context) {
  const PredictOptions& options = setup.options;
  const auto input = open_grey(options.input, options);
  const AxesMode mode = options.axes_mode ? *options.axes_mode : mode_of(input->info(), context);
  if (input->shape()[0] == 1 && !has_extension(options.output)) {
    return predict_image_set(setup, {image_of_file(options.input)}, set_output(options, context),
                             context);
  }
  return predict_one(setup, *input, mode, with_extension(options, input->info(), context), {},
                     context);
}

}  // namespace

std::vector<Problem> PredictOptions::validate() const {
  std::vector<Problem> problems =
      engine::WindowOptions{
          .window = window.value_or(0), .overlap = overlap.value_or(0), .batch = batch.value_or(0)}
          .validate();
  for (const auto& [name, value] :
       {std::pair("model", &model), std::pair("input", &input), std::pair("output", &output)}) {
    if (value->empty()) {
      problems.push_back({.subject = name, .found = "nothing", .expected = "a path"});
    }
  }
  if (!input_range.empty() && (input_range.size() != 2 || !(input_range[0] < input_range[1]))) {
    problems.push_back({.subject = "input_range",
                        .found = fmt::format("{} numbers", input_range.size()),
                        .expected = "low,high with low below high"});
  }
  const std::vector<Problem> reading_problems = reading.validate();
  problems.insert(problems.end(), reading_problems.begin(), reading_problems.end());
  if (!model_voxel_nm.empty() &&
      (model_voxel_nm.size() != 3 || !std::all_of(model_voxel_nm.begin(), model_voxel_nm.end(),
                                                  [](double nm) { return nm > 0; }))) {
    problems.push_back({.subject = "model_voxel_nm",
                        .found = fmt::format("{} numbers", model_voxel_nm.size()),
                        .expected = "three sizes z,y,x in nm"});
  }
  for (Problem& problem : postprocess().over({}).validate()) {
    problems.push_back(std::move(problem));
  }
  if (threshold && !(*threshold > 0 && *threshold < 1)) {
    problems.push_back({.subject = "threshold",
                        .found = fmt::format("{}", *threshold),
                        .expected = "between 0 and 1"});
  }
  if (procedure == Procedure::published &&
      (precision == tensor::Precision::bf16 || precision == tensor::Precision::tf32)) {
    problems.push_back({.subject = "precision",
                        .found = core::enum_name(precision),
                        .expected = "fp32: the published procedure implies it",
                        .remedy = "leave one of --procedure and --precision out"});
  }
  return problems;
}

PredictReport predict(const PredictOptions& options, const core::Context& context) {
  throw_if_any(ErrorKind::usage, "predict: the options have problems", options.validate());
  core::memory_limit(options.max_ram);
  store::refuse_replacing_input(options.input, options.output);
  const std::vector<SetImage> images = images_of_set(options.input);
  if (images.empty()) {
    open_grey(options.input, options);  // a bad input is reported before a model is loaded
  }
  const PredictionSetup setup = make_setup(options, context);
  const tensor::DeviceMeter meter(setup.predictor->device());
  PredictReport report =
      images.empty() ? predict_file(setup, context) : predict_set(setup, images, context);
  report.procedure = core::enum_name(options.procedure);
  report.device_busy = meter.busy().value_or(report.device_busy);
  report.device = setup.predictor->device().str();
  report.precision = core::enum_name(setup.precision);
  report.peak_rss_bytes = core::peak_rss_bytes();
  report.dry_run = options.dry_run;
  return report;
}

Json to_json(const PredictReport& report) {
  const auto path_or_null = [](const std::string& path) {
    return path.empty() ? Json(nullptr) : Json(path);
  };
  return {{"output", report.output},
          {"probabilities", path_or_null(report.probabilities)},
          {"overlay", path_or_null(report.overlay)},
          {"instances", path_or_null(report.instances)},
          {"mode", report.mode},
          {"procedure", report.procedure},
          {"device", report.device},
          {"precision", report.precision},
          {"images", report.images},
          {"voxels", report.voxels},
          {"objects", report.objects},
          {"objects_removed", report.objects_removed},
          {"holes_filled", report.holes_filled},
          {"seconds", report.seconds},
          {"windows", report.windows},
          {"windows_needed", report.windows_needed},
          {"bytes_read", report.bytes_read},
          {"bytes_written", report.bytes_written},
          {"scratch_bytes", report.scratch_bytes},
          {"planned_peak_bytes", report.planned_peak_bytes},
          {"peak_rss_bytes", report.peak_rss_bytes},
          {"device_busy", report.device_busy},
          {"dry_run", report.dry_run}};
}

std::string to_text(const PredictReport& report) {
  std::string text = fmt::format(
      "{}{}, {} procedure, {} on {}\n"
      "  voxels   {}\n"
      "  windows  {} ({} needed)\n"
      "  read     {}\n"
      "  write    {}\n",
      report.dry_run ? "plan: " : "", report.mode, report.procedure, report.precision,
      report.device, report.voxels, report.windows, report.windows_needed,
      core::format_size(report.bytes_read), core::format_size(report.bytes_written));
  if (report.scratch_bytes > 0) {
    text += fmt::format("  scratch  {} on disk\n", core::format_size(report.scratch_bytes));
  }
  text += fmt::format("  buffers  {} at most\n", core::format_size(report.planned_peak_bytes));
  if (!report.dry_run) {
    text += fmt::format("  time     {:.1f} s, device busy {:.0f} %, memory {}\n", report.seconds,
                        100 * report.device_busy, core::format_size(report.peak_rss_bytes));
  }
  if (report.objects + report.objects_removed + report.holes_filled > 0) {
    text += fmt::format("  objects  {} ({} removed as too small), {} holes filled\n",
                        report.objects, report.objects_removed, report.holes_filled);
  }
  for (const auto& [name, path] :
       {std::pair("labels", report.output), std::pair("probabilities", report.probabilities),
        std::pair("instances", report.instances), std::pair("overlay", report.overlay)}) {
    if (!path.empty()) {
      text += fmt::format("{}: {}\n", name, path);
    }
  }
  return text;
}

}  // namespace retina::pipeline
