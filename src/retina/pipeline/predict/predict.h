#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/json.h"
#include "retina/core/options.h"
#include "retina/core/progress.h"
#include "retina/engine/volume_plan.h"
#include "retina/model/postprocess.h"
#include "retina/pipeline/reading_options.h"
#include "retina/tensor/device.h"

namespace retina::pipeline {

enum class Procedure {
  fast,       ///< ours: fewer windows, Gaussian blending
  published,  ///< the authors' scripts to the digit (retina.md section 4); fp32
};
constexpr core::EnumTable<Procedure, 2> enum_table(Procedure) {
  return {{{Procedure::fast, "default"}, {Procedure::published, "published"}}};
}

struct PredictOptions {
  std::string model;
  std::string input;
  std::string output;
  std::optional<engine::AxesMode> axes_mode;
  Procedure procedure = Procedure::fast;
  std::string device = "auto";
  tensor::Precision precision = tensor::Precision::automatic;
  int threads = 0;
  bool probabilities = false;
  bool overlay = false;
  std::optional<double> threshold;
  std::vector<double> input_range;
  ReadingOptions reading{};
  bool rescale = false;
  std::vector<double> model_voxel_nm;
  std::optional<std::int64_t> min_object_size;
  std::optional<double> min_object_nm3;
  std::optional<model::FillHoles> fill_holes;
  std::optional<int> instances;
  std::string max_ram = "auto";
  std::uint64_t seed = 0;
  std::optional<int> window;
  std::optional<double> overlap;
  std::optional<engine::Blend> blend;
  std::optional<engine::Padding> padding;
  std::optional<int> batch;
  bool dry_run = false;
  bool overwrite = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("model", self.model, "a run folder of 'retina finetune', or a model folder");
    visit("input", self.input, "an image, a folder or pack of images, a stack or a volume");
    visit(
        "output", self.output,
        "labels: .zarr, .tif, .png, .h5, .nrrd, .precomputed or .pack; without extension they are "
        "stored like the input (a folder or pack of images becomes a folder of PNG files with "
        "the same names)");
    visit(
        "axes_mode", self.axes_mode,
        "2d: every image by itself; stack: the z slices of a volume; orthoplane: slices along z, "
        "y and x, averaged. By default images and folders are 2d, volumes with known voxels equal "
        "within a factor of 2 orthoplane, other volumes stack");
    visit("procedure", self.procedure,
          "default: few windows with Gaussian blending; published: the authors' scripts (overlap "
          "0.7, constant weights, fp32)");
    visit("device", self.device, "auto, cpu, cuda or cuda:N");
    visit("precision", self.precision,
          "auto (fp32), fp32, tf32 (CUDA), or bf16: faster, see docs/inference.md");
    visit("threads", self.threads, "CPU threads of the network; 0 = all cores");
    visit("probabilities", self.probabilities,
          "also write probabilities as uint8 (255 = certain) to OUTPUT_probabilities");
    visit("overlay", self.overlay,
          "also write PNG pictures of the labels over the image to "
          "OUTPUT_overlay (of a volume: nine slices)");
    visit("threshold", self.threshold,
          "probability above which a pixel is foreground, one-class models; default: the model's");
    visit("input_range", self.input_range,
          "low,high: stored values that become 0 and 255; default for images that are not uint8: "
          "the model's range, else the 0.1 and 99.9 percentiles");
    ReadingOptions::fields(self.reading, visit);
    visit("rescale", self.rescale,
          "predict at the pixel size that the model was trained at; results have the input's");
    visit("model_voxel_nm", self.model_voxel_nm,
          "voxel size z,y,x in nm of the training images; overrides what the model says");
    visit(
        "min_object_size", self.min_object_size,
        "voxels; smaller objects become background; default: the model's, and for the next three");
    visit("min_object_nm3", self.min_object_nm3,
          "the same in cubic nanometres, where the voxel size is known");
    visit("fill_holes", self.fill_holes,
          "background that one class encloses becomes that class: none; 2d: in each z slice; 3d: "
          "in the volume");
    visit("instances", self.instances,
          "also write object ids to OUTPUT_instances; neighbours that join voxels: 6, 18 or 26 in "
          "the volume, 4 or 8 in each z slice; 0 = no ids");
    visit("max_ram", self.max_ram,
          "memory to use, such as 8GiB; auto: 4GiB, or half of what the process may use if less");
    visit("seed", self.seed, "of the sample that percentiles are taken from");
    visit("window", self.window,
          "side of the sliding window in pixels, a multiple of 16; default: the network's");
    visit("overlap", self.overlap, "least share of the window that neighbours have in common");
    visit("blend", self.blend, "weights where windows overlap: gaussian or constant");
    visit("padding", self.padding, "around images smaller than the window: reflect or zero");
    visit("batch", self.batch, "windows in one forward pass; default: chosen by device and image");
    visit("dry_run", self.dry_run, "print the plan (windows, bytes, memory) and stop");
    visit("overwrite", self.overwrite, "replace an output that exists");
  }
  std::vector<Problem> validate() const;

  model::PostprocessChanges postprocess() const {
    return {min_object_size, min_object_nm3, fill_holes, instances};
  }
};

struct PredictReport {
  std::string output;
  std::string probabilities;  ///< path, or empty
  std::string overlay;        ///< folder, or empty
  std::string instances;      ///< path of the object ids, or empty
  std::string mode;           ///< 2d, stack or orthoplane
  std::string procedure;
  std::string device;
  std::string precision;
  std::int64_t images = 0;  ///< files that were predicted
  std::int64_t voxels = 0;
  std::uint64_t objects = 0;          ///< that were numbered or measured, after cleaning
  std::uint64_t objects_removed = 0;  ///< as too small
  std::uint64_t holes_filled = 0;
  double seconds = 0;  ///< of predicting, model loading left out
  std::int64_t windows = 0;
  std::int64_t windows_needed = 0;
  std::int64_t bytes_read = 0;
  std::int64_t bytes_written = 0;
  std::int64_t scratch_bytes = 0;
  std::int64_t planned_peak_bytes = 0;
  std::int64_t peak_rss_bytes = 0;
  double device_busy =
      0;  ///< of a GPU: share of the time it had work; of a CPU: 1 - waiting for data
  bool dry_run = false;
};

/// Predicts the classes of every pixel of `options.input` (design: one prediction). Volumes of any
/// size: memory is bounded by max_ram. An unfinished output of the same plan is continued, a
/// finished one needs overwrite, one of another plan is refused (usage). interrupted on a stop
/// request; what was computed is kept.
PredictReport predict(const PredictOptions& options, const core::Context& context);

Json to_json(const PredictReport& report);
std::string to_text(const PredictReport& report);

}  // namespace retina::pipeline
