#pragma once

#include <algorithm>
#include <cmath>

namespace retina::phantom {

/// A position or direction in nanometres, z, y, x.
struct Point {
  float z = 0;
  float y = 0;
  float x = 0;

  bool operator==(const Point&) const = default;
};

inline Point operator+(const Point& a, const Point& b) {
  return {a.z + b.z, a.y + b.y, a.x + b.x};
}
inline Point operator-(const Point& a, const Point& b) {
  return {a.z - b.z, a.y - b.y, a.x - b.x};
}
inline Point operator*(const Point& a, float s) {
  return {a.z * s, a.y * s, a.x * s};
}
inline float dot(const Point& a, const Point& b) {
  return a.z * b.z + a.y * b.y + a.x * b.x;
}
inline float length(const Point& a) {
  return std::sqrt(dot(a, a));
}

/// `a` with length 1; a vector of (nearly) no length stays as it is.
inline Point normalised(const Point& a) {
  const float n = length(a);
  return n > 1e-6F ? a * (1.0F / n) : a;
}

inline Point cross(const Point& a, const Point& b) {
  return {a.x * b.y - a.y * b.x, a.z * b.x - a.x * b.z, a.y * b.z - a.z * b.y};
}

/// 0 below `low`, 1 above `high`, smooth between.
inline float smoothstep(float low, float high, float value) {
  const float t = std::clamp((value - low) / (high - low), 0.0F, 1.0F);
  return t * t * (3.0F - 2.0F * t);
}

/// An axis-aligned block of space, nm.
struct Bounds {
  Point low;
  Point high;

  Point centre() const { return (low + high) * 0.5F; }
  float half_diagonal() const { return length(high - low) * 0.5F; }
  Bounds grown(float nm) const {
    return {{low.z - nm, low.y - nm, low.x - nm}, {high.z + nm, high.y + nm, high.x + nm}};
  }
  void include(const Point& p) {
    low = {std::min(low.z, p.z), std::min(low.y, p.y), std::min(low.x, p.x)};
    high = {std::max(high.z, p.z), std::max(high.y, p.y), std::max(high.x, p.x)};
  }
  /// Distance from `p` to the block, 0 inside.
  float distance(const Point& p) const {
    const Point d{std::max({low.z - p.z, 0.0F, p.z - high.z}),
                  std::max({low.y - p.y, 0.0F, p.y - high.y}),
                  std::max({low.x - p.x, 0.0F, p.x - high.x})};
    return length(d);
  }
};

}  // namespace retina::phantom
