#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "retina/trainer/ranks.h"

namespace retina::trainer {

/// A port of this machine that was free a moment ago.
inline std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(socket, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(socket);
  return ntohs(address.sin_port);
}

/// Runs `work` as every rank of `count`, each in a thread of this process.
inline void run_ranks(std::int64_t count, const std::function<void(Ranks&)>& work) {
  const std::uint16_t port = free_port();
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
