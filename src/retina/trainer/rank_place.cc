#include "retina/trainer/rank_place.h"

#include <charconv>
#include <cstdlib>

#include <fmt/format.h>

#include "retina/core/problem_list.h"

namespace retina::trainer {
namespace {

constexpr std::int64_t kMostRanks = 65536;
/// Ports that are free on most machines; a job's number chooses among them.
constexpr std::int64_t kFirstPort = 20000;
constexpr std::int64_t kPorts = 10000;

std::optional<std::int64_t> whole_number(const std::string& text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, number);
  return code == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

/// A variable that must hold a number from `low` to `high`; `low` where it does not.
std::int64_t number_of(const Environment& environment, const char* name, std::int64_t low,
                       std::int64_t high, ProblemList& problems) {
  const std::optional<std::string> text = environment(name);
  const std::int64_t number = whole_number(text.value_or("")).value_or(low - 1);
  const bool good = number >= low && number <= high;
  problems.require(good, name, text ? fmt::format("'{}'", *text) : "not set",
                   fmt::format("a whole number from {} to {}", low, high),
                   "start with torchrun or srun, or set all variables of docs/distributed.md");
  return good ? number : low;
}

RankPlace from_launcher(const Environment& environment, ProblemList& problems) {
  RankPlace place;
  place.ranks = number_of(environment, "WORLD_SIZE", 1, kMostRanks, problems);
  place.rank = number_of(environment, "RANK", 0, place.ranks - 1, problems);
  if (place.ranks == 1) {
    return place;
  }
  place.address = environment("MASTER_ADDR").value_or("");
  problems.require(!place.address.empty(), "MASTER_ADDR", "not set", "the machine of rank 0");
  place.port =
      static_cast<std::uint16_t>(number_of(environment, "MASTER_PORT", 1, 65535, problems));
  if (environment("TORCHELASTIC_USE_AGENT_STORE") == "True") {
    place.host = RankPlace::Host::launcher;
  }
  place.attempt = environment("TORCHELASTIC_RESTART_COUNT").value_or(place.attempt);
  return place;
}

RankPlace from_slurm(const Environment& environment, ProblemList& problems) {
  RankPlace place;
  place.ranks = number_of(environment, "SLURM_STEP_NUM_TASKS", 1, kMostRanks, problems);
  place.rank = number_of(environment, "SLURM_PROCID", 0, place.ranks - 1, problems);
  if (place.ranks == 1) {
    return place;
  }
  const std::string nodes = environment("SLURM_STEP_NODELIST").value_or("");
  place.address = environment("MASTER_ADDR").value_or(first_host(nodes));
  problems.require(!place.address.empty(), "SLURM_STEP_NODELIST", fmt::format("'{}'", nodes),
                   "a list of machines", "set MASTER_ADDR to the machine of rank 0");
  const std::int64_t job = whole_number(environment("SLURM_JOB_ID").value_or("")).value_or(0);
  place.port = static_cast<std::uint16_t>(
      environment("MASTER_PORT") ? number_of(environment, "MASTER_PORT", 1, 65535, problems)
                                 : kFirstPort + std::abs(job % kPorts));
  return place;
}

}  // namespace

Environment process_environment() {
  return [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
  };
}

RankPlace rank_place(const Environment& environment) {
  ProblemList problems;
  RankPlace place;
  if (environment("RANK") || environment("WORLD_SIZE")) {
    place = from_launcher(environment, problems);
  } else if (environment("SLURM_STEP_NUM_TASKS") && environment("SLURM_PROCID")) {
    place = from_slurm(environment, problems);  // a batch script itself has no step
  }
  throw_if_any(ErrorKind::usage, "the environment says that several processes train together",
               problems.take());
  return place;
}

std::string first_host(std::string_view nodes) {
  const std::size_t end = nodes.find_first_of(",[");
  std::string host(nodes.substr(0, end));
  if (end == std::string_view::npos || nodes[end] == ',') {
    return host;
  }
  const std::string_view numbers = nodes.substr(end + 1);
  host += numbers.substr(0, numbers.find_first_of(",-]"));
  const std::size_t close = numbers.find(']');
  if (close != std::string_view::npos) {
    const std::string_view rest = numbers.substr(close + 1);
    host += rest.substr(0, rest.find(','));
  }
  return host;
}

}  // namespace retina::trainer
