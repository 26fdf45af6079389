#include "retina/store/zarr/array_axes.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/store/axis_order.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kLetters = "tczyx";

/// Empty unless each name stands for another axis, y and x among them.
std::string axes_from_names(const std::vector<std::string>& names) {
  std::string axes;
  for (const std::string& name : names) {
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (lower == "channel" || lower == "channels" || lower == "time") {
      lower.resize(1);
    }
    axes += lower.size() == 1 ? lower : "?";
  }
  return are_image_axes(axes) ? axes : "";
}

}  // namespace

ArrayAxes::ArrayAxes(const fs::path& file, std::string axes, const Sides& shape)
    : letters_(std::move(axes)) {
  if (letters_.size() != shape.size() || !are_image_axes(letters_)) {
    throw bad_file(file, fmt::format("axes '{}' for {} dimensions", letters_, shape.size()),
                   "one of t, c, z, y, x for each dimension, y and x among them",
                   "say what they are, slowest first: for example --axes zyx");
  }
  try {
    order_axes(letters_, shape);
  } catch (const Error& error) {
    throw error.within(fmt::format("'{}'", file.string()));
  }
}

bool ArrayAxes::is_canonical() const {
  return std::is_sorted(letters_.begin(), letters_.end(),
                        [](char a, char b) { return kLetters.find(a) < kLetters.find(b); });
}

Index4 ArrayAxes::canonical(const Sides& sides) const {
  return dense_order(letters_, sides).shape;
}

Sides ArrayAxes::stored(const Index4& index) const {
  Sides out;
  for (const char letter : letters_) {
    const std::size_t at = kLetters.find(letter);
    out.push_back(at == 0 ? 0 : index[at - 1]);
  }
  return out;
}

core::Array ArrayAxes::arrange(const std::vector<std::byte>& values, core::DType dtype,
                               const Sides& sides) const {
  const AxisOrder order = dense_order(letters_, sides);
  core::Array out = make_array(dtype, order.shape);
  gather(values, order.stride, out, {0, 0, 0, 0}, order.shape);
  return out;
}

StatedAxes plain_axes(const fs::path& file, std::size_t rank, const std::vector<std::string>& names,
                      const OpenOptions& options) {
  if (!options.axes.empty()) {
    return {options.axes};
  }
  const std::string named = names.size() == rank ? axes_from_names(names) : "";
  if (!named.empty()) {
    return {named};
  }
  const std::string stated =
      names.empty() ? "not stated" : fmt::format("named {}", fmt::join(names, ", "));
  if (rank > 3) {
    throw bad_file(file, fmt::format("{} dimensions whose axes are {}", rank, stated),
                   "axes t, c, z, y, x", "say which they are, slowest first: --axes czyx or zyxc");
  }
  const std::string axes = rank == 2 ? "yx" : "zyx";
  return {axes, {fmt::format("axes are {}: read as {} (--axes says otherwise)", stated, axes)}};
}

}  // namespace retina::store
