#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/json.h"
#include "retina/core/options.h"
#include "retina/core/progress.h"
#include "retina/pipeline/bench/roofline.h"

namespace retina::pipeline {

struct BenchOptions {
  std::vector<std::string> figures;  ///< empty = all
  std::string preset = "retina";
  std::string device = "auto";
  std::int64_t threads = 0;
  std::int64_t batch = 8;
  double seconds = 5;      ///< of each figure, after warming up
  std::string image = {};  ///< of predict_1024*; empty = random pixels
  bool layers = false;     ///< the parts of the network too; figures only where named
  bool cuda_graph = true;
  std::string trace = {};         ///< file for a timeline of training steps; empty = none
  Json network = Json::object();  ///< what the network has other than the preset's

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("figures", self.figures,
          "which to measure: forward_fp32, forward_default, train_step, pretrain, augment, "
          "predict_1024, predict_1024_bf16; empty = all");
    visit("preset", self.preset, "network to measure");
    visit("device", self.device, "auto, cpu, cuda or cuda:1");
    visit("threads", self.threads, "CPU threads that compute; 0 = all cores");
    visit("batch", self.batch, "images of one forward pass or training step");
    visit("seconds", self.seconds, "seconds of each figure, after warming up");
    visit("image", self.image,
          "image of predict_1024 and predict_1024_bf16; empty = random pixels");
    visit("layers", self.layers,
          "arithmetic, time and limit of each part of the network, in place of the figures that "
          "are not named");
    visit("cuda_graph", self.cuda_graph,
          "train_step and trace: record the step on a CUDA device and replay it as a whole");
    visit("trace", self.trace,
          "file (.json) for a timeline of three training steps, for Perfetto; no figures but those "
          "that are named");
    visit("network", self.network, "what the network has other than the preset's");
  }
  std::vector<Problem> validate() const;
};

/// One measured rate; a peer's rate and the ratio come from benchmark/compare_peer.
struct Figure {
  std::string name;
  double ours = 0;
  std::string unit;
};

struct BenchReport {
  std::string device;
  std::string precision;  ///< of train_step and forward_default: what training uses here
  std::vector<Figure> figures;
  std::optional<Roofline> roofline{};  ///< of the precision above; where asked
};

/// Times the parts that the published pipeline is compared by: forward pass in fp32 and at the
/// default precision of training (forward_default), training step, pre-training with its data and
/// augmentation, augmentation of in-memory crops, prediction of an image from file to file in fp32
/// (predict's default) and bf16. Random weights; the median of repeats.
BenchReport bench(const BenchOptions& options, const core::Context& context);

/// `figures`: list of name, ours, peer (null), ratio (null), unit; the roofline's keys beside it.
Json to_json(const BenchReport& report);
std::string to_text(const BenchReport& report);

}  // namespace retina::pipeline
