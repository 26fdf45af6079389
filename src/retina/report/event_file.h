#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace retina::report {

/// A TensorBoard event file of scalar curves: TFRecord frames (little-endian length, masked
/// CRC-32C, payload, masked CRC-32C) around `Event` protocol buffers.
class EventFile {
 public:
  /// Replaces a file at `path`; TensorBoard looks for "tfevents" in the name.
  explicit EventFile(const std::filesystem::path& path);
  void scalars(std::int64_t step, double wall_time_s,
               std::span<const std::pair<std::string, double>> values);
  void flush();

 private:
  void record(std::string_view payload);

  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace retina::report
