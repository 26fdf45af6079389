#include "retina/net/transunet.h"

#include <cmath>
#include <sstream>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "retina/net/transunet_inference.h"

namespace retina::net {
namespace {

torch::nn::Conv2d head_convolution(int in_channels, int out_channels) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in_channels, out_channels, 3).padding(1));
}

/// A module with one child: the Python code wraps both heads.
std::shared_ptr<torch::nn::Module> holder(const std::string& name, const torch::nn::Conv2d& conv) {
  auto module = std::make_shared<torch::nn::Module>();
  module->register_module(name, conv);
  return module;
}

/// Starts the head at the logits of the prior: training then need not first unlearn the foreground.
void set_prior(torch::nn::Conv2d& head, double foreground) {
  if (foreground <= 0) {
    return;
  }
  const at::NoGradGuard no_grad;
  const double odds = std::log(foreground / (1 - foreground));
  if (head->bias.size(0) == 1) {
    head->bias.fill_(odds);
  } else {  // the foreground is shared equally by all classes but the first
    head->bias.fill_(odds - std::log(static_cast<double>(head->bias.size(0) - 1)));
    head->bias[0] = 0;
  }
}

}  // namespace

at::Tensor reduced(const at::Tensor& images_NCYX, int stride) {
  return stride == 1 ? images_NCYX : at::avg_pool2d(images_NCYX, stride);
}

at::Tensor enlarged(const at::Tensor& logits_NKYX, int stride) {
  if (stride == 1) {
    return logits_NKYX;
  }
  return at::upsample_bilinear2d(
      logits_NKYX, {stride * logits_NKYX.size(2), stride * logits_NKYX.size(3)}, false);
}

void check_input(const at::Tensor& images_NCYX, const InputSpec& spec) {
  if (images_NCYX.dim() != 4 || images_NCYX.size(1) != spec.channels ||
      images_NCYX.size(2) != spec.window || images_NCYX.size(3) != spec.window) {
    std::ostringstream found;
    found << images_NCYX.sizes();
    throw Error(
        ErrorKind::internal,
        Problem{.subject = "network input",
                .found = found.str(),
                .expected = fmt::format("[n, {}, {}, {}]", spec.channels, spec.window, spec.window),
                .remedy = {}});
  }
}

InputSpec transunet_input(const TransUNetOptions& options) {
  return {.rank = 2, .channels = options.in_channels, .window = options.window};
}

HeadSpec transunet_head(const TransUNetOptions& options) {
  if (options.tail == TransUNetTail::reconstruction) {
    return {.name = "reconstruction", .channels = 1, .stride = 1, .activation = "none"};
  }
  return {.name = "segmentation",
          .channels = options.classes,
          .stride = 1,
          .activation = options.classes == 1 ? "sigmoid" : "softmax"};
}

TransUNet::TransUNet(const TransUNetOptions& options)
    : options_(options),
      transformer_(register_module("transformer", VisionTransformer(options))),
      decoder_(register_module("decoder", CascadeDecoder(options))),
      segmentation_conv_(head_convolution(options.decoder_channels.back(), options.classes)) {
  if (options.tail == TransUNetTail::reconstruction) {
    final_decoder_ = head_convolution(options.decoder_channels.back(), 1);
    register_module("FinalDecoder", holder("conv1", final_decoder_));
  }
  // the pre-training network keeps a segmentation head that it never uses
  register_module("segmentation_head", holder("0", segmentation_conv_));
  set_prior(segmentation_conv_, options.foreground_prior);
}

InputSpec TransUNet::input() const {
  return transunet_input(options_);
}

HeadSpec TransUNet::head() const {
  return transunet_head(options_);
}

at::Tensor TransUNet::root_input(const at::Tensor& images_NCYX) const {
  check_input(images_NCYX, input());
  const at::Tensor reduced_NCYX = reduced(images_NCYX, options_.pixel_stride);
  const at::Tensor rgb_NCYX =
      reduced_NCYX.size(1) == 1 ? reduced_NCYX.expand({-1, 3, -1, -1}) : reduced_NCYX;
  // three channels in memory order y, x, c: the layout of all convolutions that follow
  return rgb_NCYX.contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor TransUNet::features(const at::Tensor& images_NCYX) {
  return decoder_->forward(transformer_->forward(root_input(images_NCYX)));
}

at::Tensor TransUNet::segmentation(const at::Tensor& features_NCYX) {
  return segmentation_conv_->forward(features_NCYX);
}

at::Tensor TransUNet::logits(const at::Tensor& features_NCYX) {
  return enlarged(final_decoder_.is_empty() ? segmentation(features_NCYX)
                                            : final_decoder_->forward(features_NCYX),
                  options_.pixel_stride);
}

at::Tensor TransUNet::forward(const at::Tensor& images_NCYX) {
  return logits(features(images_NCYX));
}

std::shared_ptr<DenseNetwork> TransUNet::prepared_for_inference(at::Device device,
                                                                at::ScalarType dtype) const {
  return std::make_shared<TransUNetInference>(*this, device, dtype);
}

}  // namespace retina::net
