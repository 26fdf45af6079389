#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <torch/types.h>

#include "retina/core/json.h"
#include "retina/net/network.h"

namespace retina::pipeline {

struct RooflineOptions {
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;  ///< kFloat or kBFloat16
  std::int64_t batch = 8;
  double seconds = 1;  ///< of each part and pass and rate, after warming up
};

/// One part of a network (net::LayerGroup), per image.
struct LayerFigure {
  std::string name;
  std::int64_t parameters = 0;  ///< of the trained network
  double gflop = 0;             ///< of convolutions, linear layers and attention; nothing else
  /// The least that these must move: what each reads and writes, once, and the weights once a
  /// batch, all in the type they compute in. Everything between them counts as free.
  double megabytes = 0;
  double ms = 0;
  std::optional<double> product_ms{};  ///< of `ms`, in these operations; where the device waits
};

struct LayerTable {
  std::vector<LayerFigure> layers;  ///< in their order
  double whole_ms = 0;              ///< of an image in the whole network in one go
};

/// How fast each part of a network is beside what the machine can do.
struct Roofline {
  std::string precision;  ///< "fp32" or "bf16"
  std::int64_t batch = 0;
  double matrix_gflops = 0;
  double convolution_gflops = 0;
  double bandwidth_gbs = 0;
  LayerTable forward;   ///< of the network prepared for inference
  LayerTable training;  ///< forward and backward; loss and update are not in it

  /// The most arithmetic that was seen.
  double peak_gflops() const;
  /// What limits `layer` at best: "arithmetic" or "memory".
  std::string bound(const LayerFigure& layer) const;
  /// GFLOP/s that peak and bandwidth allow it.
  double attainable_gflops(const LayerFigure& layer) const;
};

/// Measures `network`, which moves to the device: each part on what the parts before it gave. The
/// arithmetic of a backward pass counts as twice that of the forward one, and once for the first
/// part, whose input needs no gradient.
Roofline measure_roofline(net::DenseNetwork& network, const RooflineOptions& options);

/// `layers` and `training_layers`, each with name, parameters, gflop, megabytes, ms, product_ms,
/// gflops, share_of_peak, share_of_attainable, bound; `peak_gflops`, `bandwidth_gbs`, ...
Json to_json(const Roofline& roofline);
/// Tables in Markdown.
std::string to_text(const Roofline& roofline);

}  // namespace retina::pipeline
