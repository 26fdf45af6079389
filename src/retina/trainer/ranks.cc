#include "retina/trainer/ranks.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <unistd.h>

#include "retina/core/clock.h"
#include "retina/core/error.h"
#include "retina/core/resource_limits.h"
#include "retina/trainer/backends.h"
#include "retina/trainer/heartbeat.h"

namespace retina::trainer {
namespace {

constexpr auto kMeeting = std::chrono::minutes(5);
/// For which rank 0 keeps the store open for ranks that are about to leave.
constexpr double kParting_s = 10;

c10::intrusive_ptr<c10d::Store> open_store(const RankPlace& place) {
  c10d::TCPStoreOptions options;
  options.port = place.port;
  options.timeout = kMeeting;
  if (place.host == RankPlace::Host::rank_0) {
    options.isServer = place.rank == 0;
    options.numWorkers = static_cast<std::size_t>(place.ranks);
  }
  return c10::make_intrusive<c10d::TCPStore>(place.address, options);
}

/// What each rank set under "KEY/RANK"; waits for all.
std::vector<std::string> exchange(c10d::Store& store, const RankPlace& place,
                                  const std::string& key, const std::string& mine) {
  store.set(fmt::format("{}/{}", key, place.rank),
            std::vector<std::uint8_t>(mine.begin(), mine.end()));
  std::vector<std::string> keys;
  for (std::int64_t rank = 0; rank < place.ranks; ++rank) {
    keys.push_back(fmt::format("{}/{}", key, rank));
  }
  std::vector<std::string> all;
  for (const std::vector<std::uint8_t>& bytes : store.multiGet(keys)) {
    all.emplace_back(bytes.begin(), bytes.end());
  }
  return all;
}

}  // namespace

struct Ranks::Group {
  c10::intrusive_ptr<c10d::Store> connection;
  c10::intrusive_ptr<c10d::Store> store;
  std::unique_ptr<Heartbeat> heartbeat;
  c10::intrusive_ptr<c10d::Backend> cpu;
  c10::intrusive_ptr<c10d::Backend> device;  ///< null: by way of the CPU

  c10d::Backend& backend_of(const at::Tensor& tensor) const {
    return tensor.is_cpu() || !device ? *cpu : *device;
  }
};

/// Runs `talk`; if it fails, the error names the rank that is to blame.
template <class Talk>
auto Ranks::blaming(Talk&& talk) {
  try {
    return talk();
  } catch (const std::exception& error) {
    const std::string found = group_->heartbeat ? group_->heartbeat->blame() : std::string();
    throw Error(ErrorKind::resource,
                found.empty() ? fmt::format("{}: the ranks cannot talk to each other: {}",
                                            name(rank_), error.what())
                              : found);
  }
}

Ranks::Ranks(const RankPlace& place, Lost lost, HeartbeatTimes times)
    : rank_(place.rank), count_(place.ranks) {
  if (alone()) {
    return;
  }
  group_ = std::make_unique<Group>();
  const std::string prefix = "retina/" + place.attempt;
  try {
    group_->connection = open_store(place);
    group_->store = c10::make_intrusive<c10d::PrefixStore>(prefix, group_->connection);
    Heartbeat::announce(*group_->store, rank_);
    const std::string host = core::host_name();
    const auto hosts = exchange(*group_->store, place, "host", host);
    local_rank_ = std::count(hosts.begin(), hosts.begin() + rank_, host);
    names_ = exchange(*group_->store, place, "name",
                      fmt::format("rank {} ({}, process {})", rank_, host, ::getpid()));
  } catch (const std::exception& error) {
    group_.reset();
    throw Error(
        ErrorKind::resource,
        Problem{.subject = fmt::format("rank {} of {}", place.rank, place.ranks),
                .found = fmt::format("no meeting at {}:{} ({})", place.address, place.port,
                                     std::string_view(error.what()).substr(0, 200)),
                .expected = "all ranks there within five minutes",
                .remedy = "check that all were started and that this port of rank 0's machine can "
                          "be reached; MASTER_PORT chooses another"});
  }
  group_->heartbeat = std::make_unique<Heartbeat>(
      c10::make_intrusive<c10d::PrefixStore>(prefix, group_->connection->clone()), rank_, names_,
      times, std::move(lost));
  blaming([&] {
    group_->cpu =
        make_gloo(c10::make_intrusive<c10d::PrefixStore>("gloo", group_->store), rank_, count_);
  });
}

Ranks::~Ranks() {
  if (!group_ || !group_->heartbeat) {
    return;
  }
  group_->heartbeat.reset();
  try {
    Heartbeat::say_failed(*group_->store, rank_);
  } catch (const std::exception&) {
    // the store went first: the others notice that by themselves
  }
}

std::string Ranks::name(std::int64_t rank) const {
  return alone() ? "rank 0" : names_[static_cast<std::size_t>(rank)];
}

void Ranks::use(at::Device device) {
  if (!alone() && device.is_cuda()) {
    blaming([&] {
      group_->device = make_nccl(c10::make_intrusive<c10d::PrefixStore>("nccl", group_->store),
                                 rank_, count_, device);
    });
  }
}

std::function<void()> Ranks::start_sum(const at::Tensor& tensor) {
  if (alone()) {
    return [] {};
  }
  std::vector<at::Tensor> tensors = {tensor};
  auto work = blaming([&] { return group_->backend_of(tensor).allreduce(tensors); });
  return [this, work = std::move(work)] { blaming([&] { work->wait(); }); };
}

std::vector<double> Ranks::sum(std::vector<double> figures) {
  if (alone()) {
    return figures;
  }
  const at::Tensor all = at::tensor(figures, at::kDouble);
  start_sum(all)();
  const auto* first = all.const_data_ptr<double>();
  return {first, first + all.numel()};
}

void Ranks::broadcast(const std::vector<at::Tensor>& tensors) {
  for (const at::Tensor& tensor : tensors) {
    if (alone()) {
      return;
    }
    at::Tensor dense = tensor.detach().contiguous();
    std::vector<at::Tensor> sent = {dense};
    blaming([&] { group_->backend_of(dense).broadcast(sent)->wait(); });
    const at::NoGradGuard no_grad;
    tensor.detach().copy_(dense);
  }
}

std::vector<std::string> Ranks::gather(const std::string& text) {
  if (alone()) {
    return {text};
  }
  std::vector<double> lengths(static_cast<std::size_t>(count_));
  lengths[static_cast<std::size_t>(rank_)] = static_cast<double>(text.size());
  lengths = sum(std::move(lengths));
  const auto longest = static_cast<std::int64_t>(*std::max_element(lengths.begin(), lengths.end()));
  const at::Tensor all = at::zeros({count_, longest}, at::kByte);
  std::copy(text.begin(), text.end(), all.mutable_data_ptr<std::uint8_t>() + rank_ * longest);
  start_sum(all)();
  std::vector<std::string> texts;
  for (std::int64_t rank = 0; rank < count_; ++rank) {
    const auto* first = all.const_data_ptr<std::uint8_t>() + rank * longest;
    texts.emplace_back(
        first, first + static_cast<std::ptrdiff_t>(lengths[static_cast<std::size_t>(rank)]));
  }
  return texts;
}

void Ranks::leave() {
  if (!group_ || !group_->heartbeat) {
    return;
  }
  group_->heartbeat.reset();
  try {
    Heartbeat::say_done(*group_->store, rank_);
    const core::Stopwatch waited;
    for (std::int64_t other = 0; leads() && other < count_; ++other) {
      while (!Heartbeat::is_done(*group_->store, other) && waited.seconds() < kParting_s) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    }
  } catch (const std::exception&) {
    // the store, and rank 0 with it, went first: nobody is left who waits for this rank
  }
}

}  // namespace retina::trainer
