#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace retina::core {

/// Cores that this process may use: on a shared machine, a Slurm job or a container, fewer than the
/// machine has. At least 1. Where OpenMP binds threads (OMP_PROC_BIND, OMP_PLACES) control groups
/// alone decide, because the mask that it was started with is not known any more.
int usable_cores();
/// The name of this machine.
std::string host_name();
/// The cores of this process's affinity mask, "node7: 0-7,16": processes that say the same share
/// them. Control groups may grant less time than these cores have.
std::string core_list();
/// This process's part of usable_cores(), at least 1, where `lists` are the core_list() of several
/// processes, its own among them.
int core_share(const std::vector<std::string>& lists);

/// Bytes of main memory that this process may use, swap not counted.
std::int64_t usable_memory();

/// Bytes of an option: a size such as "8GiB", or "auto": 4 GiB, or half of usable_memory() where
/// that is less. usage error for anything else.
std::int64_t memory_limit(std::string_view text);

/// What the control groups of a process grant it.
struct CgroupLimits {
  std::optional<double> cores{};         ///< processor time in a second, or cores of a set
  std::optional<std::int64_t> memory{};  ///< bytes
};

/// The least that each group and those around it grant, of version 1 and 2. `memberships`:
/// /proc/self/cgroup. `root`: where the groups are mounted. What is not there limits nothing: in a
/// container a path may be that of the machine outside.
CgroupLimits cgroup_limits(std::string_view memberships, const std::filesystem::path& root);

}  // namespace retina::core
