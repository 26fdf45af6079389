#include "retina/report/plot.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace retina::report {
namespace {

constexpr double kWidth = 720;
constexpr double kHeight = 300;
constexpr double kLeft = 62;
constexpr double kRight = 14;
constexpr double kTop = 12;
constexpr double kBottom = 42;
constexpr int kColours = 6;

bool finite(const std::pair<double, double>& point) {
  return std::isfinite(point.first) && std::isfinite(point.second);
}

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  /// Something to draw even for no point or a single value.
  void widen() {
    if (low > high) {
      low = 0;
      high = 1;
    } else if (low == high) {
      const double margin = low == 0 ? 1 : std::abs(low) * 0.1;
      low -= margin;
      high += margin;
    }
  }
};

/// From data coordinates to those of the drawing.
struct Frame {
  std::vector<double> x_ticks;
  std::vector<double> y_ticks;
  Range x_range;

  double x(double value) const {
    return kLeft + (value - x_range.low) / (x_range.high - x_range.low) * (kWidth - kLeft - kRight);
  }
  double y(double value) const {
    const double low = y_ticks.front();
    return kHeight - kBottom - (value - low) / (y_ticks.back() - low) * (kHeight - kTop - kBottom);
  }
};

Frame frame_of(const std::vector<Curve>& curves) {
  Frame frame;
  Range y_range;
  for (const Curve& curve : curves) {
    for (std::size_t i = 0; i < curve.points.size(); ++i) {
      const auto& point = curve.points[i];
      if (finite(point)) {
        const double spread = i < curve.spread.size() ? curve.spread[i] : 0;
        frame.x_range.add(point.first);
        y_range.add(point.second - spread);
        y_range.add(point.second + spread);
      }
    }
  }
  frame.x_range.widen();
  y_range.widen();
  frame.x_ticks = ticks(frame.x_range.low, frame.x_range.high, 7);
  frame.y_ticks = ticks(y_range.low, y_range.high, 5);
  return frame;
}

std::string draw_axes(const Frame& frame, const std::string& x_label) {
  std::string out;
  for (const double value : frame.y_ticks) {
    const double y = frame.y(value);
    out +=
        fmt::format(R"(<line class="grid" x1="{0:.1f}" x2="{1:.1f}" y1="{2:.1f}" y2="{2:.1f}"/>)",
                    kLeft, kWidth - kRight, y);
    out += fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="end">{:.6g}</text>)", kLeft - 8,
                       y + 4, value);
  }
  for (const double value : frame.x_ticks) {
    if (value < frame.x_range.low || value > frame.x_range.high) {
      continue;
    }
    out += fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="middle">{:.6g}</text>)",
                       frame.x(value), kHeight - kBottom + 18, value);
  }
  out += fmt::format(R"(<text class="axis" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>)",
                     (kLeft + kWidth - kRight) / 2, kHeight - 6, escape_html(x_label));
  return out;
}

/// The band around a curve: forth along its upper edge, back along the lower one.
std::string draw_band(const Frame& frame, const Curve& curve, int colour) {
  std::string upper;
  std::string lower;
  for (std::size_t i = 0; i < std::min(curve.points.size(), curve.spread.size()); ++i) {
    const auto& [x, y] = curve.points[i];
    if (finite(curve.points[i])) {
      upper += fmt::format("{:.1f},{:.1f} ", frame.x(x), frame.y(y + curve.spread[i]));
      lower.insert(0, fmt::format("{:.1f},{:.1f} ", frame.x(x), frame.y(y - curve.spread[i])));
    }
  }
  return upper.empty()
             ? ""
             : fmt::format(R"(<polygon class="band c{}" points="{}"/>)", colour, upper + lower);
}

std::string draw_curve(const Frame& frame, const Curve& curve, int colour) {
  std::string path;
  std::string marks;
  std::size_t drawn = 0;
  const bool few = curve.points.size() <= 40;
  for (const auto& point : curve.points) {
    if (!finite(point)) {
      continue;
    }
    const double x = frame.x(point.first);
    const double y = frame.y(point.second);
    path += fmt::format("{}{:.1f} {:.1f}", drawn++ == 0 ? "M" : "L", x, y);
    if (few) {
      marks += fmt::format(
          R"(<circle class="mark c{}" cx="{:.1f}" cy="{:.1f}" r="3"><title>{}: {:.6g} at {:.6g}</title></circle>)",
          colour, x, y, escape_html(curve.name), point.second, point.first);
    }
  }
  return fmt::format(R"(<path class="curve c{}" d="{}"/>)", colour, path) + marks;
}

}  // namespace

std::vector<double> ticks(double low, double high, int count) {
  const double raw = (high - low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw * 0.999) {
      step = factor * power;
      break;
    }
  }
  const double first = std::floor(low / step + 1e-9);
  const double last = std::ceil(high / step - 1e-9);
  std::vector<double> values;
  for (double i = first; i <= last; ++i) {
    values.push_back(i * step);
  }
  return values;
}

std::string svg_plot(const std::string& x_label, const std::vector<Curve>& curves) {
  const Frame frame = frame_of(curves);
  std::string out = fmt::format(R"(<svg viewBox="0 0 {} {}" role="img">)", kWidth, kHeight);
  out += draw_axes(frame, x_label);
  std::string legend = R"(<div class="legend">)";
  int colour = 0;
  for (const Curve& curve : curves) {
    out += draw_band(frame, curve, colour % kColours);
    out += draw_curve(frame, curve, colour % kColours);
    legend += fmt::format(R"(<span><i class="c{}"></i>{}</span>)", colour % kColours,
                          escape_html(curve.name));
    ++colour;
  }
  return out + "</svg>" + legend + "</div>";
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace retina::report
