#include "retina/pipeline/demo/demo.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/clock.h"
#include "retina/core/resource_limits.h"
#include "retina/metric/overlap.h"
#include "retina/phantom/phantom.h"
#include "retina/pipeline/demo/demo_page.h"
#include "retina/pipeline/demo/phantom_volume.h"
#include "retina/pipeline/evaluate/evaluate.h"
#include "retina/pipeline/finetune/finetune.h"
#include "retina/pipeline/predict/predict.h"
#include "retina/pipeline/run/run_config.h"
#include "retina/store/location.h"
#include "retina/store/open.h"
#include "retina/store/output.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMitochondria = static_cast<std::int64_t>(phantom::Structure::mitochondria);
constexpr std::int64_t kValidationSlices = 2;
constexpr std::int64_t kSliceSpacing =
    24;  ///< voxels between labelled slices: far enough to differ

int thread_count(const DemoOptions& options) {
  return options.threads > 0 ? options.threads : core::usable_cores();
}

phantom::Phantom make_phantom(const std::vector<std::int64_t>& shape,
                              const std::vector<double>& voxel_nm, std::uint64_t seed) {
  phantom::PhantomOptions options;
  options.shape = shape;
  options.voxel_nm = voxel_nm;
  options.seed = seed;
  return phantom::Phantom(options);
}

void write_slice(const fs::path& path, const core::Array& pixels) {
  fs::create_directories(path.parent_path());
  const auto file = store::create(path.string(), {.shape = pixels.shape(), .overwrite = true});
  file->write(core::whole(pixels.shape()), pixels);
  file->finish();
}

/// 1 for mitochondria, 0 elsewhere.
core::Array mitochondria_mask(core::Array semantic) {
  for (std::uint8_t& structure : semantic.values<std::uint8_t>()) {
    structure = structure == kMitochondria ? 1 : 0;
  }
  return semantic;
}

/// `count` labelled slices `kSliceSpacing` apart, from slice `first`, as images/NN.png and
/// masks/NN.png under `folder`.
void write_labelled_slices(const phantom::Phantom& phantom, std::int64_t first, std::int64_t count,
                           const fs::path& folder) {
  for (std::int64_t i = 0; i < count; ++i) {
    const phantom::PhantomBlock block =
        phantom.block(core::slice_box(phantom.shape(), 0, (first + i) * kSliceSpacing));
    const std::string name = fmt::format("{:02d}.png", first + i);
    write_slice(folder / "images" / name, block.image);
    write_slice(folder / "masks" / name, mitochondria_mask(block.semantic));
  }
}

FinetuneReport train(const DemoOptions& options, const fs::path& folder,
                     const core::Context& context) {
  Json config{{"preset", "retina-tiny"},
              {"classes", {"mitochondria"}},
              {"images", folder / "train/images"},
              {"masks", folder / "train/masks"},
              {"validation_images", folder / "validation/images"},
              {"validation_masks", folder / "validation/masks"},
              {"output", folder / "run"},
              {"seed", options.seed},
              {"threads", options.threads},
              {"device", options.device},
              {"overwrite", true}};
  if (options.steps > 0) {
    config["steps"] = options.steps;
    config["max_seconds"] = 0;
  } else {
    config["max_seconds"] = options.train_seconds;
  }
  return finetune(core::options_from_json<FinetuneOptions>(resolve_finetune(config, context)),
                  context);
}

/// The best that one grey-value threshold could do, knowing the truth: dark or bright side.
double best_threshold_iou(const core::Array& image, const core::Array& mask) {
  std::array<std::array<std::int64_t, 256>, 2> histogram{};  // [is mitochondria][grey]
  const auto grey = image.values<std::uint8_t>();
  const auto truth = mask.values<std::uint8_t>();
  std::int64_t positives = 0;
  for (std::size_t i = 0; i < grey.size(); ++i) {
    ++histogram[truth[i]][grey[i]];
    positives += truth[i];
  }
  double best = 0;
  metric::OverlapCounts below;
  for (std::size_t level = 0; level < 256; ++level) {
    below.tp += histogram[1][level];
    below.fp += histogram[0][level];
    below.fn = positives - below.tp;
    const metric::OverlapCounts above{
        .tp = below.fn,
        .fp = static_cast<std::int64_t>(grey.size()) - positives - below.fp,
        .fn = below.tp};
    best = std::max({best, below.iou().value_or(0), above.iou().value_or(0)});
  }
  return best;
}

/// Those of an earlier demonstration, which may have had more of them; usage error for other files.
void remove_slices(const fs::path& dataset) {
  const auto is_slice = [](const fs::directory_entry& entry) {
    const std::string stem = entry.path().stem().string();
    return entry.is_regular_file() && entry.path().extension() == ".png" &&
           std::all_of(stem.begin(), stem.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  for (const char* kind : {"images", "masks"}) {
    if (const fs::path place = dataset / kind; fs::is_directory(place)) {
      store::refuse_foreign(place, store::foreign_entries(place, is_slice));
      fs::remove_all(place);
    }
  }
}

DemoReport demonstrate(const DemoOptions& options, const core::Context& context) {
  const core::Stopwatch watch;
  const fs::path folder = options.output;
  DemoReport report;
  report.image = (folder / "unseen.zarr").string();
  report.truth = report.image + "/labels/semantic";
  report.prediction = (folder / "prediction.zarr").string();
  report.report = (folder / "report.html").string();

  context.log->info("1/4 synthetic EM: {} labelled slices, and an unseen volume of other tissue",
                    options.slices);
  const std::int64_t depth = (options.slices + kValidationSlices) * kSliceSpacing;
  const phantom::Phantom tissue =
      make_phantom({depth, options.side, options.side}, {8, 8, 8}, options.seed);
  remove_slices(folder / "train");
  remove_slices(folder / "validation");
  write_labelled_slices(tissue, 0, options.slices, folder / "train");
  write_labelled_slices(tissue, options.slices, kValidationSlices, folder / "validation");
  const phantom::Phantom unseen = make_phantom(options.shape, {8, 8, 8}, options.seed + 1);
  write_phantom(unseen, {.path = report.image, .threads = thread_count(options), .overwrite = true},
                context);

  context.log->info("2/4 fine-tuning retina-tiny");
  const FinetuneReport training = train(options, folder, context);
  report.model = training.run;

  context.log->info("3/4 predicting the unseen volume along its three axes");
  const PredictReport prediction =
      predict(core::options_from_json<PredictOptions>({{"model", training.run},
                                                       {"input", report.image},
                                                       {"output", report.prediction},
                                                       {"axes_mode", "orthoplane"},
                                                       {"threads", options.threads},
                                                       {"device", options.device},
                                                       {"overwrite", true}}),
              context);

  context.log->info("4/4 evaluating and drawing");
  const EvaluateReport scores =
      evaluate(core::options_from_json<EvaluateOptions>(
                   {{"prediction", report.prediction},
                    {"truth", report.truth},
                    {"classes", {fmt::format("{}=mitochondria", kMitochondria)}}}),
               context);
  report.iou = scores.classes.front().iou.value.value_or(0);
  const auto image = store::open(report.image)->read(core::whole(unseen.shape()));
  report.threshold_iou =
      best_threshold_iou(image, mitochondria_mask(unseen.semantic(core::whole(unseen.shape()))));
  report.seconds = watch.seconds();
  write_demo_page(report, training, scores, prediction);
  return report;
}

}  // namespace

std::vector<Problem> DemoOptions::validate() const {
  std::vector<Problem> problems;
  if (shape.size() != 3) {
    problems.push_back({.subject = "shape",
                        .found = fmt::format("{} numbers", shape.size()),
                        .expected = "z,y,x"});
  }
  if (slices < 1) {
    problems.push_back(
        {.subject = "slices", .found = std::to_string(slices), .expected = "1 or more"});
  }
  if (output.empty()) {
    problems.push_back({.subject = "output", .found = "empty", .expected = "a folder"});
  }
  return problems;
}

DemoReport demo(const DemoOptions& options, const core::Context& context) {
  const core::Stopwatch watch;
  const fs::path folder = options.output;
  if (options.phantom_only) {
    const phantom::Phantom phantom =
        make_phantom(options.shape, options.voxel_size_nm, options.seed);
    const fs::path place = store::parse_location(options.output).file;
    const std::string path =
        place.string() + (store::extension_of(place) == ".zarr" ? "" : ".zarr");
    write_phantom(phantom,
                  {.path = path, .threads = thread_count(options), .overwrite = options.overwrite},
                  context);
    return {.seconds = watch.seconds(), .image = path, .truth = path + "/labels/semantic"};
  }
  if (fs::exists(folder) && !fs::is_empty(folder) && !options.overwrite) {
    throw Error(ErrorKind::usage,
                Problem{.subject = folder.string(),
                        .found = "exists already",
                        .remedy = "choose another folder with -o, or give --overwrite"});
  }
  try {
    return demonstrate(options, context);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::interrupted) {
      throw;
    }
    throw Error(ErrorKind::interrupted,
                "the demonstration was stopped; run it again with --overwrite");
  }
}

Json to_json(const DemoReport& report) {
  Json json{{"seconds", report.seconds},
            {"image", report.image},
            {"truth", report.truth},
            {"mitochondria_id", kMitochondria}};
  if (!report.report.empty()) {
    json["iou"] = report.iou;
    json["threshold_iou"] = report.threshold_iou;
    json["report"] = report.report;
    json["prediction"] = report.prediction;
    json["model"] = report.model;
  }
  return json;
}

std::string to_text(const DemoReport& report) {
  if (report.report.empty()) {
    return fmt::format(
        "wrote {} with its truth in labels/semantic and labels/instances ({:.0f} s)\n",
        report.image, report.seconds);
  }
  return fmt::format(
      "mitochondria IoU on the unseen volume: {:.3f}   (the best grey-value threshold: {:.3f})\n"
      "report      {}\nimage       {}\ntruth       {}\nprediction  {}\nmodel       {}\ntook        "
      "{:.0f} s\n",
      report.iou, report.threshold_iou, report.report, report.image, report.truth,
      report.prediction, report.model, report.seconds);
}

}  // namespace retina::pipeline
