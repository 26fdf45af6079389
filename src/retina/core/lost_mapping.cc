#include "retina/core/lost_mapping.h"

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>

#include <unistd.h>

#include "retina/core/crash_guard.h"
#include "retina/core/error.h"

namespace retina::core {

namespace fs = std::filesystem;

namespace {

/// What is mapped at the moment, for a handler that may neither lock nor allocate.
struct MappedPlace {
  std::atomic<const std::byte*> begin{nullptr};
  std::atomic<std::size_t> size{0};
  std::array<char, 512> path{};
};
constexpr std::size_t kMappedPlaces = 256;
std::array<MappedPlace, kMappedPlaces> mapped_places;

void exit_on_lost_mapping(int, siginfo_t* info, void*) {
  const auto* address = static_cast<const std::byte*>(info->si_addr);
  write_to_stderr("\nretina: '");
  for (const MappedPlace& place : mapped_places) {
    const std::byte* begin = place.begin;
    constexpr std::size_t kPage = 4096;  // the last page reaches beyond the file
    if (begin != nullptr && address >= begin && address < begin + place.size + kPage) {
      write_to_stderr(place.path.data());
      break;
    }
  }
  write_to_stderr(
      "': it shrank while it was read, or its disk failed, expected a file that stays as it is; "
      "run again when nobody changes it\n");
  ::_exit(exit_code(ErrorKind::bad_data));
}

}  // namespace

void explain_lost_mappings() {
  struct sigaction action {};
  action.sa_sigaction = exit_on_lost_mapping;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGBUS, &action, nullptr);
}

void remember_mapping(std::span<const std::byte> bytes, const fs::path& path) {
  for (MappedPlace& place : mapped_places) {
    const std::byte* expected = nullptr;
    if (place.begin.compare_exchange_strong(expected, bytes.data())) {
      std::snprintf(place.path.data(), place.path.size(), "%s", path.c_str());
      place.size = bytes.size();
      return;
    }
  }
}

void forget_mapping(std::span<const std::byte> bytes) {
  for (MappedPlace& place : mapped_places) {
    if (place.begin == bytes.data()) {
      place.size = 0;
      place.begin = nullptr;
      return;
    }
  }
}

}  // namespace retina::core
