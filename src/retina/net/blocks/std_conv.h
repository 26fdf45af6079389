#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

namespace retina::net {

/// Per output channel (w - mean) / sqrt(biased variance + 1e-5) over (in, y, x). weight_OIYX.
at::Tensor standardised(const at::Tensor& weight_OIYX);

struct StdConv2dOptions {
  int in_channels = 1;
  int out_channels = 1;
  int kernel = 1;
  int stride = 1;
  int padding = 0;
};

/// A convolution without bias whose kernel is standardised before each use; the stored weight is
/// the raw one (retina.md 1.2).
class StdConv2dImpl : public torch::nn::Module {
 public:
  explicit StdConv2dImpl(const StdConv2dOptions& options);
  at::Tensor forward(const at::Tensor& x_NCYX);

 private:
  StdConv2dOptions options_;
  at::Tensor weight_;
};
TORCH_MODULE(StdConv2d);

}  // namespace retina::net
