#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace retina::trainer {

/// Which of how many processes that train together this one is, and where they meet.
struct RankPlace {
  std::int64_t rank = 0;
  std::int64_t ranks = 1;
  std::string address;        ///< of the machine of rank 0
  std::uint16_t port = 0;     ///< there
  std::string attempt = "0";  ///< of the launcher: restarted ranks do not meet those before them
  /// Who listens at the port.
  enum class Host { rank_0, launcher } host = Host::rank_0;
};

/// The value of an environment variable; none where it is not set or empty.
using Environment = std::function<std::optional<std::string>(const char* name)>;
Environment process_environment();

/// From the variables of torchrun or of a start by hand (RANK, WORLD_SIZE, MASTER_ADDR,
/// MASTER_PORT), else from those of a Slurm step (SLURM_PROCID, SLURM_STEP_NUM_TASKS,
/// SLURM_STEP_NODELIST; MASTER_ADDR and MASTER_PORT win), else one process alone. usage error that
/// lists what is missing or wrong.
RankPlace rank_place(const Environment& environment);

/// First host of a Slurm node list: "gpu[07-09,12],login1" -> "gpu07".
std::string first_host(std::string_view nodes);

}  // namespace retina::trainer
