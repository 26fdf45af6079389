#pragma once

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "retina/trainer/toy_network.h"

namespace retina::trainer {

/// A network whose batch ran as ghost groups has the mean of the gradients of ranks that had a
/// group each, and the running statistics of rank 0, as published.
inline void expect_mean_of_ranks(const ToyNetwork& ghost,
                                 const std::vector<std::shared_ptr<ToyNetwork>>& ranks) {
  for (const auto& item : ghost.named_parameters()) {
    at::Tensor mean = at::zeros_like(item.value());
    for (const auto& rank : ranks) {
      mean += rank->named_parameters()[item.key()].grad() / static_cast<double>(ranks.size());
    }
    EXPECT_TRUE(item.value().grad().allclose(mean, 1e-5, 1e-6)) << item.key();
  }
  for (const auto& item : ghost.named_buffers()) {
    EXPECT_TRUE(item.value().equal(ranks[0]->named_buffers()[item.key()])) << item.key();
  }
}

}  // namespace retina::trainer
