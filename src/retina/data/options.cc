#include "retina/data/options.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace retina::data {

namespace {

constexpr std::string_view kPlanes[] = {"xy", "xz", "yz"};

std::optional<std::int64_t> parse_count(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) {
    return std::nullopt;
  }
  return value;
}

std::optional<PlaneRange> try_range(const std::string& text, std::int64_t count) {
  if (text.empty()) {
    return PlaneRange{0, count};
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) {
    return std::nullopt;
  }
  const std::string first = text.substr(0, colon);
  const std::string stop = text.substr(colon + 1);
  const auto low = first.empty() ? 0 : parse_count(first);
  const auto high = stop.empty() ? count : parse_count(stop);
  if (!low || !high || *low >= *high) {
    return std::nullopt;
  }
  return PlaneRange{std::min(*low, count), std::min(*high, count)};
}

std::optional<int> try_axis(const std::string& name) {
  for (int axis = 0; axis < 3; ++axis) {
    if (name == kPlanes[axis]) {
      return axis;
    }
  }
  return std::nullopt;
}

Problem range_problem(const std::string& text) {
  return {.subject = "slices",
          .found = fmt::format("'{}'", text),
          .expected = "first:stop with first < stop, such as 0:12 or 12:",
          .remedy = {}};
}

Problem axis_problem(const std::string& name) {
  return {.subject = "axes",
          .found = fmt::format("'{}'", name),
          .expected = "xy, xz or yz",
          .remedy = {}};
}

}  // namespace

std::vector<Problem> DataOptions::validate() const {
  std::vector<Problem> problems;
  for (const std::string& name : axes) {
    if (!try_axis(name)) {
      problems.push_back(axis_problem(name));
    }
  }
  if (axes.empty()) {
    problems.push_back(axis_problem(""));
  }
  if (!try_range(slices, std::numeric_limits<std::int64_t>::max())) {
    problems.push_back(range_problem(slices));
  }
  if (every < 1) {
    problems.push_back({.subject = "every",
                        .found = fmt::format("{}", every),
                        .expected = "1 or more",
                        .remedy = {}});
  }
  for (const auto& [stored, id] : labels) {
    const bool negative = !stored.empty() && stored[0] == '-';
    if (!parse_count(negative ? std::string_view(stored).substr(1) : std::string_view(stored))) {
      problems.push_back({.subject = "labels",
                          .found = fmt::format("the key '{}'", stored),
                          .expected = "a stored label value, a whole number",
                          .remedy = {}});
    }
    if (id < 0 || id > 254) {
      problems.push_back({.subject = fmt::format("labels: {}", stored),
                          .found = fmt::format("class id {}", id),
                          .expected = "0 to 254",
                          .remedy = {}});
    }
  }
  if (!input_range.empty() && !(input_range.size() == 2 && input_range[0] < input_range[1])) {
    problems.push_back({.subject = "input_range",
                        .found = fmt::format("[{}]", fmt::join(input_range, ", ")),
                        .expected = "two numbers low, high with low < high",
                        .remedy = {}});
  }
  for (const auto& [name, sizes] : {std::pair("voxel_size_nm", &voxel_size_nm),
                                    std::pair("target_voxel_nm", &target_voxel_nm)}) {
    const bool positive =
        std::all_of(sizes->begin(), sizes->end(), [](double nm) { return nm > 0; });
    if (!sizes->empty() && (sizes->size() != 3 || !positive)) {
      problems.push_back({.subject = name,
                          .found = fmt::format("{} numbers", sizes->size()),
                          .expected = "three sizes z,y,x in nm, more than 0",
                          .remedy = {}});
    }
  }
  return problems;
}

std::optional<Problem> repeated_class(const std::vector<std::string>& classes) {
  for (auto name = classes.begin(); name != classes.end(); ++name) {
    if (std::find(classes.begin(), name, *name) != name) {
      return Problem{.subject = "classes",
                     .found = fmt::format("'{}' twice", *name),
                     .expected = "a name of its own for each class",
                     .remedy = {}};
    }
  }
  return std::nullopt;
}

DataOptions in_range(DataOptions options, const core::IntensityRange& range) {
  if (options.input_range.empty() && range != core::IntensityRange{}) {
    options.input_range = {range.low, range.high};
  }
  return options;
}

PlaneRange parse_range(const std::string& text, std::int64_t count) {
  if (const auto range = try_range(text, count)) {
    return *range;
  }
  throw Error(ErrorKind::usage, range_problem(text));
}

int axis_of_plane(const std::string& name) {
  if (const auto axis = try_axis(name)) {
    return *axis;
  }
  throw Error(ErrorKind::usage, axis_problem(name));
}

}  // namespace retina::data
