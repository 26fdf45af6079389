#pragma once

#include <memory>

#include <torch/nn.h>

#include "retina/net/network.h"
#include "retina/trainer/task.h"

namespace retina::trainer {

/// A network of a few hundred weights with what makes resuming hard: dropout and BatchNorm. Tests
/// only.
class ToyNetwork final : public net::DenseNetwork {
 public:
  explicit ToyNetwork(int channels = 1)
      : channels_(channels),
        encoder_(register_module("encoder",
                                 torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 8, 3).padding(1)))),
        norm_(register_module("norm", torch::nn::BatchNorm2d(8))),
        dropout_(register_module("dropout", torch::nn::Dropout(0.2))),
        head_(register_module(
            "head", torch::nn::Conv2d(torch::nn::Conv2dOptions(8, channels, 3).padding(1)))) {}

  net::InputSpec input() const override { return {.rank = 2, .channels = 1, .window = 16}; }
  net::HeadSpec head() const override {
    return {.name = "segmentation",
            .channels = channels_,
            .stride = 1,
            .activation = channels_ == 1 ? "sigmoid" : "softmax"};
  }
  at::Tensor forward(const at::Tensor& images_NCYX) override {
    return head_->forward(
        dropout_->forward(torch::relu(norm_->forward(encoder_->forward(images_NCYX)))));
  }
  std::shared_ptr<net::DenseNetwork> prepared_for_inference(at::Device,
                                                            at::ScalarType) const override {
    throw Error(ErrorKind::internal, "the toy network only trains");
  }

 private:
  int channels_;
  torch::nn::Conv2d encoder_;
  torch::nn::BatchNorm2d norm_;
  torch::nn::Dropout dropout_;
  torch::nn::Conv2d head_;
};

inline std::shared_ptr<ToyNetwork> make_toy_network(std::uint64_t seed, int channels = 1) {
  at::manual_seed(seed);
  return std::make_shared<ToyNetwork>(channels);
}

/// Without dropout: its draws would depend on the order of ghost groups.
inline std::shared_ptr<ToyNetwork> make_toy_network_without_dropout(std::uint64_t seed) {
  auto network = make_toy_network(seed);
  for (const auto& module : network->modules(false)) {
    if (auto* dropout = module->as<torch::nn::DropoutImpl>()) {
      dropout->options.p(0);
    }
  }
  return network;
}

/// A raw batch number `index`: two bright squares on noise, labelled 1.
inline data::RawBatch toy_batch(std::int64_t index) {
  data::RawBatch raw;
  for (std::int64_t k = 0; k < 2; ++k) {
    const std::int64_t start = 2 + (index * 3 + k) % 6;
    data::RawSample sample;
    sample.labels_YX = at::zeros({16, 16}, at::kByte);
    sample.labels_YX.slice(0, start, start + 7).slice(1, start, start + 7).fill_(1);
    const at::Tensor texture =
        at::arange(256, at::kInt).mul(37 + index).remainder(40).view({16, 16});
    sample.image_YX = (sample.labels_YX.to(at::kInt) * 120 + texture + 40).to(at::kByte);
    raw.samples.push_back(std::move(sample));
  }
  return raw;
}

/// Stacks the samples without augmentation.
inline TaskInputs toy_transform(const data::RawBatch& raw) {
  std::vector<at::Tensor> images;
  std::vector<at::Tensor> labels;
  for (const data::RawSample& sample : raw.samples) {
    images.push_back(sample.image_YX.to(at::kFloat).div(64).sub(1.5).unsqueeze(0));
    labels.push_back(sample.labels_YX.to(at::kLong));
  }
  return {.images_NCYX = at::stack(images), .targets = at::stack(labels)};
}

/// Weights and buffers equal to the last bit.
inline bool same_state(const torch::nn::Module& a, const torch::nn::Module& b) {
  const auto same = [](const std::vector<at::Tensor>& x, const std::vector<at::Tensor>& y) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (!x[i].equal(y[i])) {
        return false;
      }
    }
    return x.size() == y.size();
  };
  return same(a.parameters(), b.parameters()) && same(a.buffers(), b.buffers());
}

}  // namespace retina::trainer
