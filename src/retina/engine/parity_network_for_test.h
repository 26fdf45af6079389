#pragma once

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/json.h"
#include "retina/core/options.h"
#include "retina/engine/predictor.h"
#include "retina/net/fixture_options.h"
#include "retina/net/weights.h"
#include "retina/tensor/safetensors.h"

namespace retina::engine {

/// The network of an inference fixture (parity/retina README, section 6): the weights of
/// transunet_finetune_small with those of `overrides` on top. A set without these weights has them
/// all in `overrides`.
inline std::shared_ptr<net::DenseNetwork> parity_network(const std::filesystem::path& fixtures,
                                                         const std::filesystem::path& overrides,
                                                         int classes, int window) {
  const auto small = fixtures / "transunet_finetune_small";
  net::TransUNetOptions options = net::options_of_fixture(core::read_json(small / "config.json"));
  options.window = window;
  options.classes = classes;
  tensor::NamedTensors state;
  if (std::filesystem::exists(small / "weights.safetensors")) {
    state = tensor::read_safetensors(small / "weights.safetensors");
  }
  const tensor::NamedTensors over = tensor::read_safetensors(overrides);
  for (const auto& [name, tensor] : over.tensors) {
    const auto same = std::find_if(state.tensors.begin(), state.tensors.end(),
                                   [&, key = name](const auto& item) { return item.first == key; });
    if (same == state.tensors.end()) {
      state.tensors.emplace_back(name, tensor);
    } else {
      same->second = tensor;
    }
  }
  auto network = net::make_network("transunet", core::options_to_json(options));
  net::load_state_dict(*network, state, overrides.string());
  network->eval();
  return network;
}

constexpr int kPublishedWindow = 224;  // retina.md 4.1

inline model::Preprocess parity_preprocess(const Json& facts) {
  return {.range = {},
          .mean = facts.at("norms").at("mean").get<double>(),
          .std = facts.at("norms").at("std").get<double>()};
}

/// Published inference with the network and norms of a fixture's case.
inline PlanePredictor parity_predictor(const std::filesystem::path& fixtures,
                                       const std::filesystem::path& overrides, const Json& facts,
                                       const WindowOptions& options) {
  const auto network =
      parity_network(fixtures, overrides, facts.at("n_classes").get<int>(), kPublishedWindow);
  return {network->prepared_for_inference(at::kCPU, at::kFloat), parity_preprocess(facts), options,
          at::kCPU, at::kFloat};
}

/// Compares the share of the labels that each class has; quotients of counts.
inline void expect_class_shares(const at::Tensor& labels, const Json& stated) {
  for (std::size_t k = 0; k < stated.size(); ++k) {
    const at::Tensor is_class = labels.eq(static_cast<std::int64_t>(k));
    EXPECT_NEAR(is_class.to(at::kDouble).mean().item<double>(), stated[k].get<double>(), 1e-12)
        << "class " << k;
  }
}

}  // namespace retina::engine
