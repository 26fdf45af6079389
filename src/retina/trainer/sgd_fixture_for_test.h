#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/options.h"
#include "retina/net/fixture_options.h"
#include "retina/net/weights.h"
#include "retina/tensor/safetensors.h"
#include "retina/trainer/optimizer.h"
#include "retina/trainer/task.h"

namespace retina::trainer {

/// A parity fixture of published SGD steps on one batch (parity/retina README, section 1).
struct SgdFixture {
  explicit SgdFixture(const std::filesystem::path& folder)
      : config(core::read_json(folder / "config.json")),
        input(tensor::read_safetensors(folder / "input.safetensors")),
        expected(tensor::read_safetensors(folder / "expected.safetensors")),
        network(net::make_network("transunet",
                                  core::options_to_json(net::options_of_fixture(config)))) {
    net::load_state_dict(*network, tensor::read_safetensors(folder / "weights.safetensors"),
                         "fixture");
  }

  /// Takes every step of the fixture and compares losses and parameters; how many there were. The
  /// schedule does not change between them.
  int expect_steps(Task& task) const {
    const Json& sgd = config.at("sgd");
    Optimizer optimizer(*network, {.momentum = sgd.at("momentum").get<double>(),
                                   .weight_decay = sgd.at("weight_decay").get<double>()});
    network->train();
    int step = 1;
    for (; expected.find("loss_step" + std::to_string(step)) != nullptr; ++step) {
      const TaskOutput output = task.step({}, 1);
      EXPECT_NEAR(output.loss.item<double>(),
                  expected.at("loss_step" + std::to_string(step)).item<double>(), 1e-5);
      output.loss.backward();
      optimizer.step(sgd.at("lr").get<double>());
      const std::string prefix = "sgd" + std::to_string(step) + ".";
      for (const auto& [name, tensor] : expected.tensors) {
        if (name.starts_with(prefix)) {
          const at::Tensor found = network->named_parameters()[name.substr(prefix.size())];
          EXPECT_LT((found - tensor).abs().max().item<double>(), 1e-5) << name;
        }
      }
    }
    return step - 1;
  }

  Json config;
  tensor::NamedTensors input, expected;
  std::shared_ptr<net::DenseNetwork> network;
};

}  // namespace retina::trainer
