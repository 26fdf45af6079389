#include <map>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/normalization.h>
#include <torch/optim/sgd.h>

#include "retina/core/file.h"
#include "retina/net/fixture_options.h"
#include "retina/net/transunet_for_test.h"
#include "retina/net/weights.h"
#include "retina/tensor/device.h"
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
    const at::Tensor loss = at::mse_loss(output, input.at("target").to(output.options()));
    return {.ce = loss, .dice = loss, .total = loss};
  }
  const at::Tensor label = input.at("label").to(output.device(), at::kLong);
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

using Values = std::map<std::string, at::Tensor>;

void add_losses(Values& values, const std::string& mode, const StatedLoss& loss) {
  values[mode + "_ce"] = loss.ce.detach();
  values[mode + "_dice"] = loss.dice.detach();
  values[mode + "_loss"] = loss.total.detach();
}

void add_copies(Values& values, const std::string& prefix,
                const torch::OrderedDict<std::string, at::Tensor>& tensors) {
  for (const auto& item : tensors) {
    values[prefix + item.key()] = item.value().detach().clone();
  }
}

/// `stated` (max_abs, and rel_l2 but for groups) is the difference of the stored float32 tensor
/// `name` to a float64 run. Ours is that run but for its own rounding, some 1e-7 of the difference.
void expect_rounding(const Json& stated, const Values& values, const tensor::NamedTensors& stored,
                     const std::string& name) {
  const bool is_group = name.ends_with("*");
  const std::string prefix = name.substr(0, name.size() - (is_group ? 1 : 0));
  double largest = 0;
  bool found = false;
  for (const auto& [key, truth] : stored.tensors) {
    if (is_group ? key.starts_with(prefix) : key == name) {
      ASSERT_TRUE(values.contains(key)) << key;
      largest = std::max(largest, max_abs(values.at(key), truth));
      found = true;
      if (!is_group) {
        const auto relative = stated.at("rel_l2").get<double>();
        EXPECT_NEAR(relative_l2(truth, values.at(key)), relative, 1e-3 * relative) << name;
      }
    }
  }
  const bool is_left_out = prefix.starts_with("intermediates.") && !found;
  if (!is_left_out) {
    const auto most = stated.at("max_abs").get<double>();
    EXPECT_NEAR(largest, most, 1e-3 * most) << name;
  }
}

/// `floor`: of gradients that are 0 but for rounding.
void expect_gradient_norms(const Values& values, const Json& config, double tolerance,
                           double floor = 1e-9) {
  for (const auto& [name, norm] : config.at("grad_l2_norm_per_parameter_float64").items()) {
    const auto gradient = values.find("grad." + name);
    ASSERT_EQ(gradient != values.end(), !norm.is_null()) << name;
    if (!norm.is_null()) {
      const auto truth = norm.get<double>();
      EXPECT_NEAR(gradient->second.to(at::kDouble).norm().item<double>(), truth,
                  tolerance * truth + floor)
          << name;
    }
  }
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

  /// Everything that expected.safetensors may hold of a pass in eval mode, by its names there.
  Values eval_run() const {
    network_->eval();
    const at::NoGradGuard no_grad;
    const at::Tensor image = input_.at("image").to(as_network());
    Values values{{"output_eval", network_->forward(image)}};
    add_losses(values, "eval", stated_loss(values.at("output_eval"), input_));
    if (expected_.find("segmentation_head_eval") != nullptr) {
      values["segmentation_head_eval"] = network_->segmentation(network_->features(image));
    }
    return values;
  }

  /// The same of its training steps; gradients of all parameters.
  Values training_run() const {
    network_->train();
    const Json& sgd = config_.at("sgd");
    torch::optim::SGD optimizer(network_->parameters(),
                                torch::optim::SGDOptions(sgd.at("lr").get<double>())
                                    .momentum(sgd.at("momentum").get<double>())
                                    .dampening(sgd.at("dampening").get<double>())
                                    .weight_decay(sgd.at("weight_decay").get<double>())
                                    .nesterov(sgd.at("nesterov").get<bool>()));
    const at::Tensor image = input_.at("image").to(as_network());
    Values values;
    for (int step = 1; expected_.find("loss_step" + std::to_string(step)) != nullptr; ++step) {
      optimizer.zero_grad();
      const at::Tensor output = network_->forward(image);
      const StatedLoss loss = stated_loss(output, input_);
      loss.total.backward();
      if (step == 1) {
        values["output_train"] = output.detach();
        add_losses(values, "train", loss);
        add_copies(values, "buffer_after1.", network_->named_buffers());
        for (const auto& item : network_->named_parameters()) {
          if (item.value().grad().defined()) {
            values["grad." + item.key()] = item.value().grad().clone();
          }
        }
      }
      values["loss_step" + std::to_string(step)] = loss.total.detach();
      optimizer.step();
      add_copies(values, "sgd" + std::to_string(step) + ".", network_->named_parameters());
    }
    return values;
  }

  at::TensorOptions as_network() const { return network_->parameters().front().options(); }

  /// Tolerances of losses and parameters after the first step, which amplify what rounding did
  /// before, and of gradients that are 0 but for rounding.
  void expect_stored_run(double after_first = 1e-5, double floor = 1e-9) {
    Values values = eval_run();
    values.merge(training_run());
    for (auto& [name, value] : values) {
      value = value.cpu();
    }
    for (const auto& [name, truth] : expected_.tensors) {
      ASSERT_TRUE(values.contains(name)) << name;
      const at::Tensor& value = values.at(name);
      if (truth.dim() == 4 && !name.starts_with("grad.") && !name.starts_with("sgd")) {
        expect_forward(value, truth, name);
      } else if (name.starts_with("grad.")) {
        RecordProperty("relative_l2_" + name, fmt::format("{:.2g}", relative_l2(value, truth)));
        EXPECT_LE(relative_l2(value, truth), 1e-4) << name;
      } else {  // losses, buffers, parameters after steps
        const bool is_later = name.starts_with("sgd2") || name.starts_with("sgd3") ||
                              name.starts_with("loss_step2") || name.starts_with("loss_step3");
        EXPECT_LE(max_abs(value, truth), is_later ? after_first : 1e-5) << name;
      }
    }
    expect_gradient_norms(values, config_, 1e-4, floor);
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
  EXPECT_EQ(parameter_count(*network_), config_.at("parameters").get<std::int64_t>());
  EXPECT_EQ(network_->parameters().size(), config_.at("parameter_tensors").get<std::size_t>());
  EXPECT_EQ(state_dict(*network_).tensors.size(), config_.at("state_entries").get<std::size_t>());
  EXPECT_EQ(input_.at("image").size(0), config_.at("batch"));
  expect_stated_layout(*network_, config_);
}

TEST_P(SmallTransUNetParity, HasTheStatedNorms) {
  const Json& eps = config_.at("eps");
  for (const auto& item : network_->named_modules()) {
    const torch::nn::Module& module = *item.value();
    if (const auto* group = module.as<torch::nn::GroupNormImpl>()) {
      const bool projects = item.key().ends_with("gn_proj");
      EXPECT_EQ(group->options.eps(), eps.at(projects ? "gn_proj" : "group_norm")) << item.key();
    } else if (const auto* layer = module.as<torch::nn::LayerNormImpl>()) {
      EXPECT_EQ(layer->options.eps(), eps.at("layer_norm")) << item.key();
    } else if (const auto* batch = module.as<torch::nn::BatchNorm2dImpl>()) {
      EXPECT_EQ(batch->options.eps(), eps.at("batch_norm")) << item.key();
      EXPECT_EQ(batch->options.momentum().value(), config_.at("batch_norm_momentum")) << item.key();
    }
  }
}

/// Every tensor of expected.safetensors.
TEST_P(SmallTransUNetParity, EqualsTheStoredRun) {
  expect_stored_run();
}

TEST_P(SmallTransUNetParity, EqualsTheStoredRunOnAGpu) {
  if (!at::hasCUDA()) {
    GTEST_SKIP() << "absent: a CUDA device";
  }
  const at::Device device(at::kCUDA, 0);
  tensor::use_precision(tensor::Precision::fp32, device);
  network_->to(device);
  expect_stored_run(1e-4, 1e-8);
}

TEST_P(SmallTransUNetParity, PreparedForward) {
  network_->eval();
  const auto prepared = network_->prepared_for_inference(at::kCPU, at::kFloat);
  expect_forward(prepared->forward(input_.at("image")), expected_.at("output_eval"), "prepared");
}

TEST_P(SmallTransUNetParity, PreparedForwardOnAGpu) {
  if (!at::hasCUDA()) {
    GTEST_SKIP() << "absent: a CUDA device";
  }
  const at::Device device(at::kCUDA, 0);
  tensor::use_precision(tensor::Precision::fp32, device);
  network_->eval();
  const at::NoGradGuard no_grad;
  const auto prepared = network_->prepared_for_inference(device, at::kFloat);
  expect_forward(prepared->forward(input_.at("image").to(device)).cpu(),
                 expected_.at("output_eval"), "prepared");
}

/// In float64 the differences of the stored float32 run to the authors' float64 run come out, and
/// the gradient norms, which are of the latter.
TEST_P(SmallTransUNetParity, EqualsTheFloat64Run) {
  network_->to(at::kDouble);
  Values values = eval_run();
  tensor::NamedTensors stored = expected_;
  if (std::filesystem::exists(folder_ / "intermediates.safetensors")) {
    const at::NoGradGuard no_grad;
    const at::Tensor image = input_.at("image").narrow(0, 0, 1).to(at::kDouble);
    for (const StageOutput& stage : TransUNetStages(*network_).run(image)) {
      values["intermediates." + stage.name] = stage.value;
    }
    for (const auto& [name, truth] :
         tensor::read_safetensors(folder_ / "intermediates.safetensors").tensors) {
      stored.tensors.emplace_back("intermediates." + name, truth);
    }
  }
  values.merge(training_run());
  for (const auto& [name, stated] : config_.at("float32_versus_float64").items()) {
    expect_rounding(stated, values, stored, name);
  }
  expect_gradient_norms(values, config_, 1e-9);
}

TEST_P(SmallTransUNetParity, Intermediates) {
  RETINA_SKIP_WITHOUT(folder_ / "intermediates.safetensors");
  const tensor::NamedTensors truth =
      tensor::read_safetensors(folder_ / "intermediates.safetensors");
  network_->eval();
  const at::NoGradGuard no_grad;
  const auto stages = TransUNetStages(*network_).run(input_.at("image").narrow(0, 0, 1));
  EXPECT_EQ(stages.size(), truth.tensors.size());
  for (const StageOutput& stage : stages) {
    expect_forward(stage.value, truth.at(stage.name), stage.name);
  }
}

}  // namespace
}  // namespace retina::net
