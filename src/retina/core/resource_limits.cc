#include "retina/core/resource_limits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include <sched.h>
#include <strings.h>
#include <unistd.h>

#include "retina/core/error.h"
#include "retina/core/file.h"

namespace retina::core {
namespace {

namespace fs = std::filesystem;

/// The first number of a file; none where there is no such file or it starts with a word ("max").
std::optional<double> number_in(const fs::path& file) {
  std::ifstream in(file);
  double number = 0;
  return in >> number ? std::optional(number) : std::nullopt;
}

/// How many cores a list such as "0-7,16" names; 0 without one.
int cores_in(const fs::path& file) {
  std::ifstream in(file);
  int cores = 0;
  for (int first = 0; in >> first;) {
    int last = first;
    if (in.peek() == '-') {
      in.get();
      in >> last;
    }
    cores += std::max(0, last - first + 1);
    if (in.get() != ',') {
      break;
    }
  }
  return cores;
}

template <class T>
void lower(std::optional<T>& limit, T other) {
  limit = limit ? std::min(*limit, other) : other;
}

/// Sizes near 2^63 stand for no limit.
void lower_memory(CgroupLimits& limits, std::optional<double> bytes) {
  constexpr double kNoLimit = 1e18;
  if (bytes && *bytes < kNoLimit) {
    lower(limits.memory, static_cast<std::int64_t>(*bytes));
  }
}

void lower_by_group(CgroupLimits& limits, const fs::path& group) {
  std::ifstream in(group / "cpu.max");  // version 2: quota and period
  double quota = 0;
  double period = 0;
  if (in >> quota >> period && period > 0) {
    lower(limits.cores, quota / period);
  }
  const auto old_quota = number_in(group / "cpu.cfs_quota_us");  // version 1; -1 = none
  const auto old_period = number_in(group / "cpu.cfs_period_us");
  if (old_quota && old_period && *old_quota > 0 && *old_period > 0) {
    lower(limits.cores, *old_quota / *old_period);
  }
  for (const char* name : {"cpuset.cpus.effective", "cpuset.effective_cpus"}) {
    if (const int cores = cores_in(group / name); cores > 0) {
      lower(limits.cores, static_cast<double>(cores));
    }
  }
  lower_memory(limits, number_in(group / "memory.max"));
  lower_memory(limits, number_in(group / "memory.limit_in_bytes"));
}

/// True where the OpenMP runtime may have bound the main thread to one core while it was loaded:
/// the mask then tells nothing of what the process may use.
bool openmp_binds() {
  const char* binding = std::getenv("OMP_PROC_BIND");
  if (binding != nullptr) {
    return strcasecmp(binding, "false") != 0;
  }
  return std::getenv("OMP_PLACES") != nullptr || std::getenv("GOMP_CPU_AFFINITY") != nullptr;
}

/// Processors of the affinity mask; 0 if it does not say.
int cores_of_mask() {
  if (openmp_binds()) {
    return 0;
  }
  for (int processors = 1024; processors <= (1 << 20); processors *= 2) {
    cpu_set_t* mask = CPU_ALLOC(processors);
    if (mask == nullptr) {
      return 0;
    }
    const std::size_t bytes = CPU_ALLOC_SIZE(processors);
    const bool is_known = sched_getaffinity(getpid(), bytes, mask) == 0;  // of the main thread
    const int count = is_known ? CPU_COUNT_S(bytes, mask) : 0;
    CPU_FREE(mask);
    if (is_known) {
      return count;
    }
  }
  return 0;
}

/// Where controllers "cpu,cpuacct" may be mounted: under their list, which some systems write in
/// another order, and under each name.
std::vector<std::string> mounts_of(const std::string& controllers) {
  std::vector<std::string> mounts{controllers};
  std::istringstream names(controllers);
  for (std::string name; std::getline(names, name, ',');) {
    if (name != controllers) {
      mounts.push_back(name);
    }
  }
  return mounts;
}

const CgroupLimits& own_limits() {
  static const CgroupLimits limits = [] {
    std::ifstream in("/proc/self/cgroup");
    std::ostringstream memberships;
    memberships << in.rdbuf();
    return cgroup_limits(memberships.str(), "/sys/fs/cgroup");
  }();
  return limits;
}

}  // namespace

CgroupLimits cgroup_limits(std::string_view memberships, const fs::path& root) {
  CgroupLimits limits;
  std::istringstream lines{std::string(memberships)};
  for (std::string line;
       std::getline(lines, line);) {  // "4:cpu,cpuacct:/path", version 2 "0::/path"
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) {
      continue;
    }
    const fs::path path = fs::path(line.substr(second + 1)).relative_path();
    for (const std::string& mount : mounts_of(line.substr(first + 1, second - first - 1))) {
      for (fs::path group = path; !group.empty(); group = group.parent_path()) {
        lower_by_group(limits, root / mount / group);
      }
      lower_by_group(limits, root / mount);
    }
  }
  return limits;
}

int usable_cores() {
  static const int cores = [] {
    const int masked = cores_of_mask();
    const double processors =
        masked > 0 ? masked : std::max(1.0, static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN)));
    return std::max(
        1,
        static_cast<int>(std::ceil(std::min(processors, own_limits().cores.value_or(processors)))));
  }();
  return cores;
}

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::string core_list() {
  const std::string key = "Cpus_allowed_list:";
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line) && !line.starts_with(key)) {
  }
  const std::size_t first = line.find_first_not_of(" \t", std::min(key.size(), line.size()));
  return host_name() + ": " + (first == std::string::npos ? "" : line.substr(first));
}

int core_share(const std::vector<std::string>& lists) {
  const auto sharers = std::count(lists.begin(), lists.end(), core_list());
  return std::max(1, usable_cores() / static_cast<int>(std::max<std::ptrdiff_t>(1, sharers)));
}

std::int64_t usable_memory() {
  const auto machine = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
  return std::min(machine, own_limits().memory.value_or(machine));
}

std::int64_t memory_limit(std::string_view text) {
  constexpr std::int64_t kUsual = std::int64_t{4} << 30;
  if (text == "auto") {
    return std::min(kUsual, usable_memory() / 2);
  }
  try {
    return parse_size(text);
  } catch (const Error&) {
    throw Error(ErrorKind::usage,
                Problem{.subject = "--max-ram",
                        .found = "'" + std::string(text) + "'",
                        .expected = "'auto', bytes, or a number with a unit such as 512M or 2GiB"});
  }
}

}  // namespace retina::core
