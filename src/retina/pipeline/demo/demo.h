#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "retina/core/json.h"
#include "retina/core/options.h"
#include "retina/core/progress.h"

namespace retina::pipeline {

struct DemoOptions {
  std::string output = "demo";
  std::uint64_t seed = 1;
  bool phantom_only = false;
  std::vector<std::int64_t> shape = {160, 160, 160};
  std::vector<double> voxel_size_nm = {8, 8, 8};
  std::int64_t side = 512;
  std::int64_t slices = 8;
  double train_seconds = 200;
  std::int64_t steps = 0;
  int threads = 0;
  std::string device = "auto";
  bool overwrite = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("output", self.output,
          "folder of the demonstration; with phantom_only the OME-Zarr volume to write, .zarr "
          "added where it is not in the name");
    visit("seed", self.seed, "of the training tissue; the unseen volume has the next one");
    visit("phantom_only", self.phantom_only,
          "write one synthetic volume with its truth, and nothing else");
    visit("shape", self.shape, "voxels along z, y, x of the unseen volume, or of the one to write");
    visit("voxel_size_nm", self.voxel_size_nm, "voxel size z,y,x in nm, with phantom_only");
    visit("side", self.side, "side of the training slices in pixels");
    visit("slices", self.slices, "labelled slices to train on");
    visit("train_seconds", self.train_seconds, "time limit of the training");
    visit("steps", self.steps, "training steps instead of a time limit; 0 = by time");
    visit("threads", self.threads, "CPU threads; 0 = all cores");
    visit("device", self.device, "auto, cpu, cuda or cuda:1");
    visit("overwrite", self.overwrite, "replace the output");
  }
  std::vector<Problem> validate() const;
};

struct DemoReport {
  double iou = 0;            ///< of mitochondria in the unseen volume
  double threshold_iou = 0;  ///< of the best single grey-value threshold there, for comparison
  double seconds = 0;
  std::string report = {};  ///< the page
  std::string image = {};   ///< OME-Zarr volumes of equal shape
  std::string prediction = {};
  std::string truth = {};
  std::string model = {};
};

/// The whole pipeline on synthetic EM: labelled slices, fine-tuning of `retina-tiny`, orthoplane
/// prediction of an unseen volume, evaluation, and a page that shows all of it.
DemoReport demo(const DemoOptions& options, const core::Context& context);

/// Keys iou, seconds, report, image, prediction, truth, mitochondria_id, threshold_iou, model.
Json to_json(const DemoReport& report);
std::string to_text(const DemoReport& report);

}  // namespace retina::pipeline
