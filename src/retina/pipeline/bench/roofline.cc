#include "retina/pipeline/bench/roofline.h"

#include <algorithm>
#include <functional>
#include <utility>

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "retina/pipeline/bench/bench_timer.h"
#include "retina/pipeline/bench/machine_rates.h"
#include "retina/tensor/device.h"
#include "retina/tensor/operation_counter.h"

namespace retina::pipeline {
namespace {

constexpr int kCountedPasses = 3;

bool belongs_to(const net::LayerGroup& group, const std::string& parameter) {
  return std::any_of(group.prefixes.begin(), group.prefixes.end(),
                     [&](const std::string& prefix) { return parameter.starts_with(prefix); });
}

std::vector<at::Tensor> parameters_of_part(const net::DenseNetwork& network,
                                           const net::LayerGroup& group) {
  std::vector<at::Tensor> found;
  for (const auto& parameter : network.named_parameters()) {
    if (belongs_to(group, parameter.key())) {
      found.push_back(parameter.value());
    }
  }
  return found;
}

std::int64_t total_elements(const std::vector<at::Tensor>& tensors) {
  std::int64_t count = 0;
  for (const at::Tensor& tensor : tensors) {
    count += tensor.numel();
  }
  return count;
}

/// What a part is given in training: values without a history, which collect gradients.
net::Flow as_leaves(const net::Flow& flow) {
  const auto leaf = [](const at::Tensor& tensor) { return tensor.detach().requires_grad_(); };
  net::Flow leaves{.x = leaf(flow.x)};
  for (const at::Tensor& skip : flow.skips) {
    leaves.skips.push_back(leaf(skip));
  }
  return leaves;
}

class LayerMeter {
 public:
  LayerMeter(net::DenseNetwork& network, const RooflineOptions& options)
      : network_(network),
        options_(options),
        timer_(options.device, options.seconds),
        trained_groups_(network.layer_groups()) {
    const net::InputSpec input = network.input();
    images_NCYX_ = at::randn({options.batch, input.channels, input.window, input.window},
                             at::TensorOptions().device(options.device));
  }
  LayerTable forward() const;
  LayerTable training() const;

 private:
  double ms_per_image(const std::function<void()>& run) const {
    return 1e3 * timer_.time(run).median_s / static_cast<double>(options_.batch);
  }
  tensor::OperationCount count(const net::LayerGroup& group, const net::Flow& flow) const;
  LayerFigure figure(std::size_t index, const tensor::OperationCount& count, double passes) const;
  net::Flow run(const net::LayerGroup& group, const net::Flow& flow) const;
  void run_both(const net::LayerGroup& group, const net::Flow& flow,
                const std::vector<at::Tensor>& inputs) const;

  net::DenseNetwork& network_;
  RooflineOptions options_;
  BenchTimer timer_;
  std::vector<net::LayerGroup> trained_groups_;
  at::Tensor images_NCYX_;
};

/// Of the fastest of a few runs.
tensor::OperationCount LayerMeter::count(const net::LayerGroup& group,
                                         const net::Flow& flow) const {
  tensor::OperationCount best;
  for (int pass = 0; pass < kCountedPasses; ++pass) {
    const tensor::OperationCounter counter;
    run(group, flow);
    if (pass == 0 || counter.count().seconds < best.seconds) {
      best = counter.count();
    }
  }
  return best;
}

/// `passes`: how often the arithmetic of the forward pass is done.
LayerFigure LayerMeter::figure(std::size_t index, const tensor::OperationCount& count,
                               double passes) const {
  const auto batch = static_cast<double>(options_.batch);
  const auto bytes = static_cast<double>(c10::elementSize(options_.dtype));
  const net::LayerGroup& group = trained_groups_[index];
  return {
      .name = group.name,
      .parameters = total_elements(parameters_of_part(network_, group)),
      .gflop = passes * count.flops / batch / 1e9,
      .megabytes = passes * bytes * (count.weight_elements + count.value_elements) / batch / 1e6};
}

net::Flow LayerMeter::run(const net::LayerGroup& group, const net::Flow& flow) const {
  const tensor::AutocastGuard autocast(
      options_.device.type(), options_.dtype == at::kBFloat16 && !c10::InferenceMode::is_enabled());
  return group.forward(flow);
}

/// Forward and backward, from gradients of one.
void LayerMeter::run_both(const net::LayerGroup& group, const net::Flow& flow,
                          const std::vector<at::Tensor>& inputs) const {
  net::Flow result = run(group, flow);
  result.skips.push_back(result.x);
  std::vector<at::Tensor> outputs;
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& output : result.skips) {
    if (!output.is_leaf()) {  // a map that only passes through is one
      outputs.push_back(output);
      gradients.push_back(at::ones_like(output));
    }
  }
  torch::autograd::grad(outputs, inputs, gradients, std::nullopt, false, /*allow_unused=*/true);
}

LayerTable LayerMeter::forward() const {
  const auto prepared = network_.prepared_for_inference(options_.device, options_.dtype);
  const std::vector<net::LayerGroup> groups = prepared->layer_groups();
  const c10::InferenceMode inference;
  const at::Tensor images_NCYX = images_NCYX_.to(options_.dtype);
  LayerTable table;
  net::Flow flow{.x = images_NCYX};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const double ms = ms_per_image([&] { run(groups[i], flow); });
    const tensor::OperationCount counted = count(groups[i], flow);
    LayerFigure layer = figure(i, counted, 1);
    layer.ms = ms;
    if (options_.device.is_cpu()) {
      layer.product_ms = 1e3 * counted.seconds / static_cast<double>(options_.batch);
    }
    table.layers.push_back(std::move(layer));
    flow = run(groups[i], flow);
  }
  table.whole_ms = ms_per_image([&] { prepared->forward(images_NCYX); });
  return table;
}

LayerTable LayerMeter::training() const {
  network_.train();
  LayerTable table;
  net::Flow flow{.x = images_NCYX_};
  for (std::size_t i = 0; i < trained_groups_.size(); ++i) {
    const net::LayerGroup& group = trained_groups_[i];
    std::vector<at::Tensor> inputs = parameters_of_part(network_, group);
    if (i > 0) {
      flow = as_leaves(flow);
      inputs.push_back(flow.x);
      inputs.insert(inputs.end(), flow.skips.begin(), flow.skips.end());
    }
    const double ms = ms_per_image([&] { run_both(group, flow, inputs); });
    const at::NoGradGuard no_grad;
    table.layers.push_back(figure(i, count(group, flow), i > 0 ? 3 : 2));
    table.layers.back().ms = ms;
    flow = run(group, flow);
  }
  const net::LayerGroup whole{.name = {}, .prefixes = {}, .forward = [this](const net::Flow& in) {
                                return net::Flow{.x = network_.forward(in.x)};
                              }};
  const std::vector<at::Tensor> all = network_.parameters();
  table.whole_ms = ms_per_image([&] { run_both(whole, {.x = images_NCYX_}, all); });
  return table;
}

}  // namespace

double Roofline::peak_gflops() const {
  return std::max(matrix_gflops, convolution_gflops);
}

double Roofline::attainable_gflops(const LayerFigure& layer) const {
  return std::min(peak_gflops(), 1e3 * layer.gflop / layer.megabytes * bandwidth_gbs);
}

std::string Roofline::bound(const LayerFigure& layer) const {
  return attainable_gflops(layer) < peak_gflops() ? "memory" : "arithmetic";
}

Roofline measure_roofline(net::DenseNetwork& network, const RooflineOptions& options) {
  network.to(options.device);
  Roofline roofline{.precision = options.dtype == at::kBFloat16 ? "bf16" : "fp32",
                    .batch = options.batch,
                    .matrix_gflops = matrix_gflops(options.device, options.dtype, options.seconds),
                    .convolution_gflops = convolution_gflops(options.device, options.dtype),
                    .bandwidth_gbs = copy_gbs(options.device, options.seconds),
                    .forward = {},
                    .training = {}};
  const LayerMeter meter(network, options);
  roofline.forward = meter.forward();
  roofline.training = meter.training();
  return roofline;
}

}  // namespace retina::pipeline
