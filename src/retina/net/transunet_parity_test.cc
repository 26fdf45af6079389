#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/optim/sgd.h>

#include "retina/core/file.h"
#include "retina/net/fixture_options.h"
#include "retina/net/transunet.h"
#include "retina/net/weights.h"
#include "retina/testing/fixtures.h"

// Tolerances of the fixtures' README, section 1: forward max abs 2e-4 and relative L2 2e-5,
// gradients relative L2 1e-4, parameters after steps and losses 1e-5.
namespace retina::net {
namespace {

double max_abs(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

double relative_l2(const at::Tensor& actual, const at::Tensor& expected) {
  const at::Tensor truth = expected.to(at::kDouble);
  return ((actual.to(at::kDouble) - truth).norm() / truth.norm().clamp_min(1e-30)).item<double>();
}

void expect_forward(const at::Tensor& actual, const at::Tensor& expected, const std::string& what) {
  ASSERT_EQ(actual.sizes(), expected.sizes()) << what;
  ::testing::Test::RecordProperty("max_abs_" + what,
                                  fmt::format("{:.2g}", max_abs(actual, expected)));
  EXPECT_LE(max_abs(actual, expected), 2e-4) << what;
  EXPECT_LE(relative_l2(actual, expected), 2e-5) << what;
}

/// The loss as section 4 of the README states it, restated here: this module knows no criteria.
struct StatedLoss {
  at::Tensor ce, dice, total;
};

StatedLoss stated_loss(const at::Tensor& output, const tensor::NamedTensors& input) {
  if (input.find("target") != nullptr) {
    const at::Tensor loss = at::mse_loss(output, input.at("target").to(output.scalar_type()));
    return {.ce = loss, .dice = loss, .total = loss};
  }
  const at::Tensor label = input.at("label").to(at::kLong);
  StatedLoss loss;
  if (output.size(1) == 1) {
    const at::Tensor y = label.to(output.scalar_type());
    const at::Tensor p = output.squeeze(1).sigmoid();
    loss.ce = at::binary_cross_entropy_with_logits(output.squeeze(1), y);
    loss.dice = 1 - (2 * (p * y).sum() + 1e-5) / (p.sum() + y.sum() + 1e-5);
  } else {
    const std::vector<std::int64_t> axes{0, 2, 3};
    const at::Tensor p = output.softmax(1);
    const at::Tensor y = at::one_hot(label, output.size(1)).movedim(-1, 1).to(p.scalar_type());
    loss.ce = at::cross_entropy_loss(output, label);
    loss.dice =
        (1 - (2 * (p * y).sum(axes) + 1e-5) / ((p * p).sum(axes) + (y * y).sum(axes) + 1e-5))
            .mean();
  }
  loss.total = 0.5 * loss.ce + 0.5 * loss.dice;
  return loss;
}

/// Weights of a fixture; a set may state only what differs from those of the fine-tuning fixture.
tensor::NamedTensors fixture_weights(const std::filesystem::path& folder) {
  if (std::filesystem::exists(folder / "weights.safetensors")) {
    return tensor::read_safetensors(folder / "weights.safetensors");
  }
  const auto of_root = [](const std::filesystem::path& root) {
    return root / "retina" / "transunet_finetune_small" / "weights.safetensors";
  };
  const std::filesystem::path own = of_root(testing::parity_root());
  const std::filesystem::path delivered =
      of_root(testing::source_dir() / ".." / "shared" / "parity");
  tensor::NamedTensors weights =
      tensor::read_safetensors(std::filesystem::exists(own) ? own : delivered);
  const tensor::NamedTensors over =
      tensor::read_safetensors(folder / "weights_override.safetensors");
  std::erase_if(weights.tensors, [&](const auto& entry) {
    return entry.first.starts_with("segmentation_head.") || over.find(entry.first) != nullptr;
  });
  weights.tensors.insert(weights.tensors.end(), over.tensors.begin(), over.tensors.end());
  return weights;
}

class SmallTransUNetParity : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    folder_ = testing::parity_root() / "retina" / GetParam();
    RETINA_SKIP_WITHOUT(folder_);
    threads_ = at::get_num_threads();
    at::set_num_threads(1);
    config_ = core::read_json(folder_ / "config.json");
    input_ = tensor::read_safetensors(folder_ / "input.safetensors");
    expected_ = tensor::read_safetensors(folder_ / "expected.safetensors");
    network_ = std::make_shared<TransUNet>(options_of_fixture(config_));
    load_state_dict(*network_, fixture_weights(folder_), folder_.string());
  }
  void TearDown() override {
    if (threads_ > 0) {
      at::set_num_threads(threads_);
    }
  }

  void expect_losses(const StatedLoss& loss, const std::string& mode) const {
    for (const auto& [name, value] :
         {std::pair("ce", loss.ce), std::pair("dice", loss.dice), std::pair("loss", loss.total)}) {
      if (const at::Tensor* truth = expected_.find(mode + "_" + name)) {
        EXPECT_LE(max_abs(value, *truth), 1e-5) << mode << " " << name;
      }
    }
  }

  void expect_parameters(const std::string& prefix) const {
    const auto parameters = network_->named_parameters();
    for (const auto& [name, truth] : expected_.tensors) {
      if (name.starts_with(prefix)) {
        EXPECT_LE(max_abs(parameters[name.substr(prefix.size())], truth), 1e-5) << name;
      }
    }
  }

  /// Largest difference of the fixture's float32 run to its float64 run.
  double stated_rounding(const std::string& name) const {
    return config_.at("float32_versus_float64").at(name).at("max_abs").get<double>();
  }

  std::filesystem::path folder_;
  int threads_ = 0;
  Json config_;
  tensor::NamedTensors input_;
  tensor::NamedTensors expected_;
  std::shared_ptr<TransUNet> network_;
};

INSTANTIATE_TEST_SUITE_P(Fixture, SmallTransUNetParity,
                         ::testing::Values("transunet_finetune_small", "transunet_pretrain_small"),
                         [](const auto& test) { return test.param; });

TEST_P(SmallTransUNetParity, HasTheStatedTensors) {
  EXPECT_EQ(network_->parameters().size(), config_.at("parameter_tensors").get<std::size_t>());
  EXPECT_EQ(state_dict(*network_).tensors.size(), config_.at("state_entries").get<std::size_t>());
}

TEST_P(SmallTransUNetParity, EvalForward) {
  network_->eval();
  const at::NoGradGuard no_grad;
  const at::Tensor output = network_->forward(input_.at("image"));
  expect_forward(output, expected_.at("output_eval"), "output_eval");
  expect_losses(stated_loss(output, input_), "eval");
  if (const at::Tensor* head = expected_.find("segmentation_head_eval")) {
    expect_forward(network_->segmentation(network_->features(input_.at("image"))), *head,
                   "segmentation_head_eval");
  }
}

TEST_P(SmallTransUNetParity, EvalForwardInFloat64) {
  network_->to(at::kDouble);
  network_->eval();
  const at::NoGradGuard no_grad;
  const at::Tensor output = network_->forward(input_.at("image").to(at::kDouble));
  EXPECT_LE(max_abs(output, expected_.at("output_eval")), 1.01 * stated_rounding("output_eval"));
}

TEST_P(SmallTransUNetParity, PreparedForward) {
  network_->eval();
  const auto prepared = network_->prepared_for_inference(at::kCPU, at::kFloat);
  expect_forward(prepared->forward(input_.at("image")), expected_.at("output_eval"), "prepared");
}

TEST_P(SmallTransUNetParity, TrainForwardLossesAndBuffers) {
  network_->train();
  const at::Tensor output = network_->forward(input_.at("image"));
  expect_forward(output, expected_.at("output_train"), "output_train");
  expect_losses(stated_loss(output, input_), "train");
  const std::string prefix = "buffer_after1.";
  const auto buffers = network_->named_buffers();
  for (const auto& [name, truth] : expected_.tensors) {
    if (name.starts_with(prefix)) {
      EXPECT_LE(max_abs(buffers[name.substr(prefix.size())], truth), 1e-5) << name;
    }
  }
}

TEST_P(SmallTransUNetParity, Gradients) {
  network_->train();
  stated_loss(network_->forward(input_.at("image")), input_).total.backward();
  const auto parameters = network_->named_parameters();
  const std::string prefix = "grad.";
  for (const auto& [name, truth] : expected_.tensors) {
    if (name.starts_with(prefix)) {
      const double error = relative_l2(parameters[name.substr(prefix.size())].grad(), truth);
      RecordProperty("relative_l2_" + name, fmt::format("{:.2g}", error));
      EXPECT_LE(error, 1e-4) << name;
    }
  }
  for (const auto& [name, norm] : config_.at("grad_l2_norm_per_parameter_float64").items()) {
    const at::Tensor& gradient = parameters[name].grad();
    ASSERT_EQ(gradient.defined(), !norm.is_null()) << name;
    if (gradient.defined()) {
      const double truth = norm.get<double>();
      EXPECT_NEAR(gradient.to(at::kDouble).norm().item<double>(), truth, 1e-4 * truth + 1e-9)
          << name;
    }
  }
}

TEST_P(SmallTransUNetParity, SgdSteps) {
  network_->train();
  const Json& sgd = config_.at("sgd");
  torch::optim::SGD optimizer(network_->parameters(),
                              torch::optim::SGDOptions(sgd.at("lr").get<double>())
                                  .momentum(sgd.at("momentum").get<double>())
                                  .weight_decay(sgd.at("weight_decay").get<double>()));
  for (int step = 1; expected_.find("loss_step" + std::to_string(step)) != nullptr; ++step) {
    optimizer.zero_grad();
    const at::Tensor loss = stated_loss(network_->forward(input_.at("image")), input_).total;
    EXPECT_LE(max_abs(loss, expected_.at("loss_step" + std::to_string(step))), 1e-5) << step;
    loss.backward();
    optimizer.step();
    expect_parameters("sgd" + std::to_string(step) + ".");
  }
}

class Stages {
 public:
  explicit Stages(const TransUNet& network) : modules_(network.named_modules()) {}

  template <class Impl>
  Impl& at(const std::string& name) const {
    return *modules_[name]->template as<Impl>();
  }
  bool has(const std::string& name) const { return modules_.contains(name); }

 private:
  torch::OrderedDict<std::string, std::shared_ptr<torch::nn::Module>> modules_;
};

class TransUNetStagesParity : public SmallTransUNetParity {
 protected:
  void SetUp() override {
    SmallTransUNetParity::SetUp();
    if (IsSkipped()) {
      return;
    }
    RETINA_SKIP_WITHOUT(folder_ / "intermediates.safetensors");
    truth_ = tensor::read_safetensors(folder_ / "intermediates.safetensors");
    network_->eval();
  }

  at::Tensor checked(const at::Tensor& actual, const std::string& name) const {
    expect_forward(actual, truth_.at(name), name);
    return actual;
  }

  /// Root to deepest map, and the skips for the decoder.
  HybridFeatures check_resnet(const Stages& stages, const at::Tensor& rgb) const {
    const std::string prefix = "transformer.embeddings.hybrid_model.";
    const auto block = [&](const std::string& name, const at::Tensor& x) {
      return checked(stages.at<ResNetBlockImpl>(prefix + "body." + name).forward(x), name);
    };
    const at::Tensor root =
        checked(stages.at<ResNetRootImpl>(prefix + "root").forward(rgb), "root");
    const at::Tensor block1 = block("block1", at::max_pool2d(root, 3, 2));
    const at::Tensor skip = checked(padded_to(block1, rgb.size(2) / 4), "skip_F1");
    const at::Tensor block2 = block("block2", block1);
    return {.deep_NCYX = block("block3", block2),
            .skips_NCYX = {padded_to(block2, rgb.size(2) / 8), skip, root}};
  }

  at::Tensor check_transformer(const Stages& stages, const at::Tensor& deep_NCYX,
                               const at::Tensor& rgb) const {
    const std::string prefix = "transformer.";
    checked(
        stages.at<torch::nn::Conv2dImpl>(prefix + "embeddings.patch_embeddings").forward(deep_NCYX),
        "patch_embed");
    at::Tensor x = checked(stages.at<EmbeddingsImpl>(prefix + "embeddings").forward(rgb).tokens_NTH,
                           "embeddings");
    for (int i = 0; stages.has(prefix + "encoder.layer." + std::to_string(i)); ++i) {
      const std::string index = std::to_string(i);
      x = checked(stages.at<TransformerBlockImpl>(prefix + "encoder.layer." + index).forward(x),
                  "encoder_layer" + index);
    }
    return checked(stages.at<torch::nn::LayerNormImpl>(prefix + "encoder.encoder_norm").forward(x),
                   "encoded");
  }

  tensor::NamedTensors truth_;
};

INSTANTIATE_TEST_SUITE_P(Fixture, TransUNetStagesParity,
                         ::testing::Values("transunet_finetune_small", "transunet_pretrain_small"),
                         [](const auto& test) { return test.param; });

TEST_P(TransUNetStagesParity, Intermediates) {
  const at::NoGradGuard no_grad;
  const at::Tensor rgb = input_.at("image").narrow(0, 0, 1).expand({-1, 3, -1, -1});
  const Stages stages(*network_);
  const HybridFeatures features = check_resnet(stages, rgb);
  const at::Tensor encoded = check_transformer(stages, features.deep_NCYX, rgb);
  const int grid = network_->options().grid();
  at::Tensor x = checked(stages.at<ConvNormReluImpl>("decoder.conv_more")
                             .forward(encoded.transpose(1, 2).unflatten(2, {grid, grid})),
                         "conv_more");
  for (std::size_t i = 0; stages.has("decoder.blocks." + std::to_string(i)); ++i) {
    const std::string index = std::to_string(i);
    const at::Tensor skip = i < features.skips_NCYX.size() ? features.skips_NCYX[i] : at::Tensor();
    x = checked(stages.at<DecoderBlockImpl>("decoder.blocks." + index).forward(x, skip),
                "decoder_block" + index);
  }
}

}  // namespace
}  // namespace retina::net
