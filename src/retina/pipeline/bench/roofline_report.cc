#include <fmt/format.h>

#include "retina/pipeline/bench/roofline.h"

namespace retina::pipeline {
namespace {

double gflops_of(const LayerFigure& layer) {
  return 1e3 * layer.gflop / layer.ms;
}

LayerFigure sum_of_layers(const std::vector<LayerFigure>& layers) {
  LayerFigure sum{.name = "sum"};
  for (const LayerFigure& layer : layers) {
    sum.parameters += layer.parameters;
    sum.gflop += layer.gflop;
    sum.megabytes += layer.megabytes;
    sum.ms += layer.ms;
    if (layer.product_ms) {
      sum.product_ms = sum.product_ms.value_or(0) + *layer.product_ms;
    }
  }
  return sum;
}

Json layers_json(const Roofline& roofline, const LayerTable& table) {
  Json layers = Json::array();
  for (const LayerFigure& layer : table.layers) {
    layers.push_back({{"name", layer.name},
                      {"parameters", layer.parameters},
                      {"gflop", layer.gflop},
                      {"megabytes", layer.megabytes},
                      {"ms", layer.ms},
                      {"product_ms", layer.product_ms ? Json(*layer.product_ms) : Json()},
                      {"gflops", gflops_of(layer)},
                      {"share_of_peak", gflops_of(layer) / roofline.peak_gflops()},
                      {"share_of_attainable", gflops_of(layer) / roofline.attainable_gflops(layer)},
                      {"bound", roofline.bound(layer)}});
  }
  return layers;
}

std::string layer_row(const Roofline& roofline, const LayerFigure& layer, double all_ms) {
  const std::string in_products =
      layer.product_ms ? fmt::format(" {:.0f} % |", 100 * *layer.product_ms / layer.ms) : "";
  return fmt::format(
      "| `{}` | {:.3f} | {:.3f} | {:.2f} | {:.0f} | {:.2f} | {:.0f} % |{} {:.0f} | "
      "{:.0f} % | {:.0f} % | {} |\n",
      layer.name, static_cast<double>(layer.parameters) / 1e6, layer.gflop, layer.megabytes,
      1e3 * layer.gflop / layer.megabytes, layer.ms, 100 * layer.ms / all_ms, in_products,
      gflops_of(layer), 100 * gflops_of(layer) / roofline.peak_gflops(),
      100 * gflops_of(layer) / roofline.attainable_gflops(layer), roofline.bound(layer));
}

std::string layer_table_text(const Roofline& roofline, const LayerTable& table) {
  const LayerFigure sum = sum_of_layers(table.layers);
  const bool has_products = sum.product_ms.has_value();
  std::string text = fmt::format(
      "| part | M parameters | GFLOP | MB | FLOP/byte | ms | of the time |{} GFLOP/s | of peak | "
      "of attainable | bound by |\n|---|---|---|---|---|---|---|{}---|---|---|---|\n",
      has_products ? " in products |" : "", has_products ? "---|" : "");
  for (const LayerFigure& layer : table.layers) {
    text += layer_row(roofline, layer, sum.ms);
  }
  text += layer_row(roofline, sum, sum.ms);
  return text + fmt::format("\nThe whole network in one go: {:.2f} ms an image.\n", table.whole_ms);
}

}  // namespace

Json to_json(const Roofline& roofline) {
  return {{"batch", roofline.batch},
          {"peak_gflops", roofline.peak_gflops()},
          {"matrix_gflops", roofline.matrix_gflops},
          {"convolution_gflops", roofline.convolution_gflops},
          {"bandwidth_gbs", roofline.bandwidth_gbs},
          {"layers", layers_json(roofline, roofline.forward)},
          {"forward_ms", roofline.forward.whole_ms},
          {"training_layers", layers_json(roofline, roofline.training)},
          {"training_ms", roofline.training.whole_ms}};
}

std::string to_text(const Roofline& roofline) {
  return fmt::format(
      "{}, batch {}: matrix product {:.0f} GFLOP/s, convolution {:.0f} GFLOP/s, copy {:.1f} GB/s; "
      "a part with fewer than {:.0f} FLOP/byte is bound by memory. All figures are for one image.\n"
      "\nForward pass, prepared for inference:\n\n{}\nForward and backward pass in training:\n\n{}",
      roofline.precision, roofline.batch, roofline.matrix_gflops, roofline.convolution_gflops,
      roofline.bandwidth_gbs, roofline.peak_gflops() / roofline.bandwidth_gbs,
      layer_table_text(roofline, roofline.forward), layer_table_text(roofline, roofline.training));
}

}  // namespace retina::pipeline
