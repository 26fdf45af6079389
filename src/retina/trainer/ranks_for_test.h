#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "retina/testing/free_port.h"
#include "retina/trainer/ranks.h"

namespace retina::trainer {

/// Runs `work` as every rank of `count`, each in a thread of this process.
inline void run_ranks(std::int64_t count, const std::function<void(Ranks&)>& work) {
  const std::uint16_t port = testing::free_port();
  std::vector<std::jthread> threads;
  for (std::int64_t rank = 0; rank < count; ++rank) {
    threads.emplace_back([&work, count, port, rank] {
      Ranks ranks({.rank = rank, .ranks = count, .address = "127.0.0.1", .port = port},
                  [](const std::string&) {});
      work(ranks);
      ranks.leave();
    });
  }
}

}  // namespace retina::trainer
