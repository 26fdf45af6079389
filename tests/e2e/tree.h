#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <string>

#include "program.h"

namespace retina::e2e {

/// Drops one plot of a report.
inline void erase_plot(std::string& page, const std::string& title) {
  const std::string opening = "<div class=\"plot\">";
  const std::size_t start = page.find(opening + "<h3>" + title + "</h3>");
  if (start != std::string::npos) {
    const std::size_t next = page.find(opening, start + opening.size());
    page.erase(start, next == std::string::npos ? next : next - start);
  }
}

/// A text without what the clock decides: times and rates in JSON and in reports.
inline std::string without_times(std::string text) {
  static const std::regex in_json(
      R"re("(seconds|seconds_per_step|seconds_left|wall_time|validation_seconds|images_per_second|device_busy|peak_rss_bytes)":\s*[-+.eE0-9]+)re");
  static const std::regex in_page(R"(<td>(seconds|seconds left|device busy)</td><td>[^<]*</td>)");
  text = std::regex_replace(text, in_json, "\"$1\":0");
  erase_plot(text, "Images per second");
  erase_plot(text, "Device busy");
  return std::regex_replace(text, in_page, "");
}

/// All that a folder holds, hidden files included: relative path -> content without times. Logs,
/// whose lines are times, count by their presence.
inline std::map<std::string, std::string> contents_of(const std::filesystem::path& folder) {
  std::map<std::string, std::string> contents;
  if (std::filesystem::is_regular_file(folder)) {
    contents[""] = without_times(slurp(folder));
  }
  if (!std::filesystem::is_directory(folder)) {
    return contents;
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name = std::filesystem::relative(entry.path(), folder).string();
    const std::string file = entry.path().filename().string();
    const bool is_log = file == "log.txt" || file.starts_with("events.out");
    const bool is_text = file.ends_with(".json") || file.ends_with(".jsonl") ||
                         file.ends_with(".html") || file.ends_with(".yaml");
    if (file.ends_with(".lock")) {
      continue;  // of a dead process: nobody holds it
    }
    if (!entry.is_regular_file() || is_log) {
      contents[name] = "";
    } else {
      contents[name] = is_text ? without_times(slurp(entry.path())) : slurp(entry.path());
    }
  }
  return contents;
}

/// What two texts hold where they first differ.
inline std::string first_difference(const std::string& found, const std::string& expected) {
  constexpr std::size_t kBefore = 60;
  constexpr std::size_t kShown = 200;
  const std::size_t shorter = std::min(found.size(), expected.size());
  std::size_t at = 0;
  while (at < shorter && found[at] == expected[at]) {
    ++at;
  }
  const std::size_t from = at > kBefore ? at - kBefore : 0;
  return "    found    ..." + found.substr(from, kShown) + "\n    expected ..." +
         expected.substr(from, kShown) + "\n";
}

/// The names at which two folders differ, and how, for messages; empty if they are equal.
inline std::string difference(const std::map<std::string, std::string>& found,
                              const std::map<std::string, std::string>& expected) {
  std::string names;
  for (const auto& [name, content] : expected) {
    const auto other = found.find(name);
    if (other == found.end()) {
      names += "  missing " + name + "\n";
    } else if (other->second != content) {
      names += "  another content in " + name + "\n" + first_difference(other->second, content);
    }
  }
  for (const auto& [name, content] : found) {
    names += expected.contains(name) ? "" : "  left over " + name + "\n";
  }
  return names;
}

}  // namespace retina::e2e
