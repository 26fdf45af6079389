#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace retina::report {

/// One line of a curve plot.
struct Curve {
  std::string name;
  std::vector<std::pair<double, double>> points;  ///< x, y; points that are not finite are left out
  std::vector<double> spread{};  ///< half the height of a band around each point; empty = none
};

/// About `count` round values from at most `low` to at least `high`, evenly spaced by 1, 2 or 5
/// times a power of ten.
std::vector<double> ticks(double low, double high, int count);

/// An inline SVG element with axes, grid, curves and a legend; colours come from the page's style.
std::string svg_plot(const std::string& x_label, const std::vector<Curve>& curves);

/// Text safe inside HTML elements and attributes.
std::string escape_html(std::string_view text);

}  // namespace retina::report
