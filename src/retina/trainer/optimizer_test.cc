#include "retina/trainer/optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/optim.h>

#include "retina/net/weights.h"
#include "retina/testing/fixtures.h"
#include "retina/trainer/sgd_fixture_for_test.h"
#include "retina/trainer/supervised_task.h"
#include "retina/trainer/toy_network.h"

namespace retina::trainer {
namespace {

/// In eval mode: with batch statistics the bias before the norm has a gradient of rounding alone,
/// which AdamW blows up.
void backward_of_toy(net::DenseNetwork& network, std::int64_t index) {
  network.eval();
  network.forward(toy_transform(toy_batch(index)).images_NCYX).square().mean().backward();
}

double largest_difference(const torch::nn::Module& a, const torch::nn::Module& b) {
  double largest = 0;
  for (const auto& item : a.named_parameters()) {
    const at::Tensor other = b.named_parameters()[item.key()];
    largest = std::max(largest, (item.value() - other).abs().max().item<double>());
  }
  return largest;
}

TEST(Optimizer, DropoutOfWhatIsFrozenStaysActive) {  // as published (retina.md 1.5)
  const auto network = make_toy_network(1);
  const Optimizer optimizer(*network, {.freeze = {"encoder"}});
  network->train();
  for (const auto& module : network->modules()) {
    EXPECT_TRUE(module->is_training()) << module->name();
  }
  const at::Tensor images_NCYX = toy_transform(toy_batch(0)).images_NCYX;
  EXPECT_FALSE(network->forward(images_NCYX).equal(network->forward(images_NCYX)));
}

TEST(Optimizer, SgdMovesLikePyTorch) {
  const auto ours = make_toy_network(1);
  const auto theirs = make_toy_network(1);
  Optimizer optimizer(*ours, {.weight_decay = 0.01});
  torch::optim::SGD reference(theirs->parameters(),
                              torch::optim::SGDOptions(0.05).momentum(0.9).weight_decay(0.01));
  for (std::int64_t k = 0; k < 5; ++k) {
    backward_of_toy(*ours, k);
    backward_of_toy(*theirs, k);
    optimizer.step(0.05);
    reference.step();
    reference.zero_grad();
  }
  EXPECT_LT(largest_difference(*ours, *theirs), 1e-6);
}

TEST(Optimizer, AdamwMovesLikePyTorch) {
  const auto ours = make_toy_network(1);
  const auto theirs = make_toy_network(1);
  Optimizer optimizer(*ours, {.kind = OptimizerKind::adamw, .weight_decay = 0.1});
  torch::optim::AdamW reference(theirs->parameters(),
                                torch::optim::AdamWOptions(0.01).weight_decay(0.1));
  for (std::int64_t k = 0; k < 5; ++k) {
    backward_of_toy(*ours, k);
    backward_of_toy(*theirs, k);
    optimizer.step(0.01);
    reference.step();
    reference.zero_grad();
  }
  EXPECT_LT(largest_difference(*ours, *theirs), 1e-5);
}

TEST(Optimizer, FrozenTensorsHaveNoGradientAndDoNotMove) {
  const auto network = make_toy_network(1);
  const at::Tensor before = network->named_parameters()["encoder.weight"].clone();
  Optimizer optimizer(*network, {.weight_decay = 0.5, .freeze = {"encoder"}});

  backward_of_toy(*network, 0);

  EXPECT_FALSE(network->named_parameters()["encoder.weight"].grad().defined());
  optimizer.step(0.1);
  EXPECT_TRUE(network->named_parameters()["encoder.weight"].equal(before));
  EXPECT_EQ(optimizer.trained_tensors(), 4);
}

TEST(Optimizer, TensorsWithoutGradientAreNotDecayed) {
  const auto network = make_toy_network(1);
  Optimizer optimizer(*network, {.weight_decay = 0.5});
  const at::Tensor before = network->named_parameters()["head.weight"].clone();
  network->named_parameters()["encoder.weight"].square().sum().backward();
  optimizer.step(0.1);
  EXPECT_TRUE(network->named_parameters()["head.weight"].equal(before));
}

TEST(Optimizer, DecayOfVectorsCanBeLeftOut) {
  const auto network = make_toy_network(1);
  Optimizer optimizer(*network,
                      {.kind = OptimizerKind::adamw, .weight_decay = 1, .decay_vectors = false});
  const at::Tensor scale = network->named_parameters()["norm.weight"].clone();
  const at::Tensor kernel = network->named_parameters()["head.weight"].clone();
  (network->parameters()[0].sum() * 0).backward();
  for (const at::Tensor& p : network->parameters()) {
    p.mutable_grad() = at::zeros_like(p);
  }
  optimizer.step(0.1);
  EXPECT_TRUE(network->named_parameters()["norm.weight"].equal(scale));
  EXPECT_TRUE(network->named_parameters()["head.weight"].allclose(kernel * 0.9));
}

TEST(Optimizer, ClippingBoundsTheWholeGradient) {
  const auto network = make_toy_network(1);
  Optimizer optimizer(*network, {.momentum = 0, .weight_decay = 0, .clip_norm = 0.5});
  std::vector<at::Tensor> before;
  for (const at::Tensor& p : network->parameters()) {
    before.push_back(p.detach().clone());
    p.mutable_grad() = at::full_like(p, 3);
  }
  optimizer.step(1);
  double squares = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    squares += (network->parameters()[i].detach() - before[i]).square().sum().item<double>();
  }
  EXPECT_NEAR(std::sqrt(squares), 0.5, 1e-4);
}

TEST(Optimizer, RatesFollowTheLongestPattern) {
  const auto network = make_toy_network(1);
  Optimizer optimizer(*network, {.momentum = 0,
                                 .weight_decay = 0,
                                 .rate_factors = {{"encoder", 0.5}, {"encoder.bias", 0.0}}});
  std::map<std::string, at::Tensor> before;
  for (const auto& item : network->named_parameters()) {
    before[item.key()] = item.value().detach().clone();
    item.value().mutable_grad() = at::ones_like(item.value());
  }
  optimizer.step(0.1);
  const auto moved = [&](const std::string& name) {
    return (before[name] - network->named_parameters()[name]).abs().max().item<double>();
  };
  EXPECT_NEAR(moved("head.weight"), 0.1, 1e-6);
  EXPECT_NEAR(moved("encoder.weight"), 0.05, 1e-6);
  EXPECT_EQ(moved("encoder.bias"), 0);
}

TEST(Optimizer, FrozenTensorsAreTrainedFromAStepOnAndResumeAlike) {
  const OptimizerOptions options{
      .kind = OptimizerKind::adamw, .freeze = {"encoder"}, .unfreeze_at = 2};
  const auto whole = make_toy_network(1);
  const at::Tensor start = whole->named_parameters()["encoder.weight"].detach().clone();
  Optimizer optimizer(*whole, options);
  std::shared_ptr<ToyNetwork> resumed;
  std::unique_ptr<Optimizer> rest;
  for (std::int64_t k = 0; k < 5; ++k) {
    EXPECT_EQ(whole->named_parameters()["encoder.weight"].equal(start), k <= 2) << k;
    if (k == 4) {
      resumed = make_toy_network(2);
      net::load_state_dict(*resumed, net::state_dict(*whole), "toy");
      rest = std::make_unique<Optimizer>(*resumed, options);
      rest->load_state(optimizer.state(), "toy");
      backward_of_toy(*resumed, k);
      rest->step(0.01);
    }
    backward_of_toy(*whole, k);
    optimizer.step(0.01);
  }
  EXPECT_TRUE(same_state(*whole, *resumed));
}

TEST(Optimizer, PatternsThatMatchNothingAreAllNamed) {
  const auto network = make_toy_network(1);
  try {
    Optimizer(*network, {.freeze = {"transformer.encoder", "encoder", "decoder.*"}});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("transformer.encoder"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("decoder.*"));
  }
}

TEST(Optimizer, FreezingEverythingIsAMistakeOfTheUser) {
  for (const std::int64_t unfreeze_at : {0, 5}) {
    const auto network = make_toy_network(1);
    try {
      Optimizer(*network, {.freeze = {"*"}, .unfreeze_at = unfreeze_at});
      FAIL() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_THAT(error.what(), ::testing::HasSubstr("optimizer.freeze: every tensor"));
      EXPECT_EQ(std::string(error.what()).find("unfreeze_at (5)") != std::string::npos,
                unfreeze_at > 0)
          << error.what();
    }
  }
}

TEST(Optimizer, NamesMatchByBeginningOrPattern) {
  EXPECT_TRUE(name_matches("transformer.encoder.layer.0.ffn.fc1.weight", "transformer.encoder"));
  EXPECT_FALSE(name_matches("decoder.conv_more.0.weight", "transformer"));
  EXPECT_TRUE(name_matches("decoder.blocks.1.conv1.0.weight", "*.conv1.*weight"));
  EXPECT_FALSE(name_matches("decoder.blocks.1.conv1.0.bias", "*.conv1.*weight"));
}

TEST(Optimizer, StateOfAnotherKindIsRefused) {
  const auto network = make_toy_network(1);
  const Optimizer sgd(*network, {});
  Optimizer adamw(*network, {.kind = OptimizerKind::adamw});
  EXPECT_THROW(adamw.load_state(sgd.state(), "checkpoint"), Error);
}

TEST(OptimizerParity, transunet_finetune_small) {
  const auto folder = testing::parity_root() / "retina" / "transunet_finetune_small";
  RETINA_SKIP_WITHOUT(folder);
  const SgdFixture fixture(folder);
  const TaskInputs batch{.images_NCYX = fixture.input.at("image"),
                         .targets = fixture.input.at("label")};
  SupervisedTask task(fixture.network, [&](const data::RawBatch&) { return batch; }, {});
  EXPECT_GE(fixture.expect_steps(task), 3);
}

}  // namespace
}  // namespace retina::trainer
