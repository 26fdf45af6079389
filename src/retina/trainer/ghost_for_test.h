#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "retina/trainer/toy_network.h"

namespace retina::trainer {

/// A network whose batch ran as ghost groups has the mean of the gradients of ranks that had a
/// group each, weighted by `shares`, and the running statistics of rank 0, as published.
inline void expect_mean_of_ranks(const ToyNetwork& ghost,
                                 const std::vector<std::shared_ptr<ToyNetwork>>& ranks,
                                 const std::vector<double>& shares) {
  ASSERT_EQ(ranks.size(), shares.size());
  for (const auto& item : ghost.named_parameters()) {
    at::Tensor mean = at::zeros_like(item.value());
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      mean += ranks[i]->named_parameters()[item.key()].grad() * shares[i];
    }
    EXPECT_TRUE(item.value().grad().allclose(mean, 1e-5, 1e-6)) << item.key();
  }
  for (const auto& item : ghost.named_buffers()) {
    EXPECT_TRUE(item.value().equal(ranks[0]->named_buffers()[item.key()])) << item.key();
  }
}

/// The same for groups of one size.
inline void expect_mean_of_ranks(const ToyNetwork& ghost,
                                 const std::vector<std::shared_ptr<ToyNetwork>>& ranks) {
  expect_mean_of_ranks(ghost, ranks,
                       std::vector<double>(ranks.size(), 1 / static_cast<double>(ranks.size())));
}

}  // namespace retina::trainer
