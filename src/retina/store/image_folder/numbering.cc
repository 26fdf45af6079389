#include "retina/store/image_folder/numbering.h"

#include <cctype>
#include <charconv>
#include <optional>

#include <fmt/format.h>

namespace retina::store {

namespace {

/// A stem split around its last run of digits.
struct Numbered {
  std::string before;
  std::int64_t number = 0;
  std::string after;
};

std::optional<Numbered> split_number(const std::string& stem) {
  const auto is_digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  std::size_t end = stem.size();
  while (end > 0 && !is_digit(stem[end - 1])) {
    --end;
  }
  std::size_t begin = end;
  while (begin > 0 && is_digit(stem[begin - 1])) {
    --begin;
  }
  std::int64_t number = 0;
  const auto result = std::from_chars(stem.data() + begin, stem.data() + end, number);
  if (begin == end || result.ec != std::errc{}) {
    return std::nullopt;
  }
  return Numbered{stem.substr(0, begin), number, stem.substr(end)};
}

std::string describe_gap(const std::string& left, const std::string& right, std::int64_t from,
                         std::int64_t to) {
  return from == to
             ? fmt::format("slice missing between {} and {}: {}", left, right, from)
             : fmt::format("slices missing between {} and {}: {} to {}", left, right, from, to);
}

}  // namespace

std::vector<std::string> numbering_gaps(const std::vector<std::string>& stems,
                                        std::size_t max_lines) {
  std::vector<std::string> lines;
  std::size_t more = 0;
  for (std::size_t i = 1; i < stems.size(); ++i) {
    const auto left = split_number(stems[i - 1]);
    const auto right = split_number(stems[i]);
    if (!left || !right || left->before != right->before || left->after != right->after) {
      continue;
    }
    if (right->number > left->number + 1) {
      if (lines.size() + 1 < max_lines) {
        lines.push_back(describe_gap(stems[i - 1], stems[i], left->number + 1, right->number - 1));
      } else {
        ++more;
      }
    }
  }
  if (more > 0) {
    lines.push_back(fmt::format("{} more gaps in the numbering", more));
  }
  return lines;
}

}  // namespace retina::store
