#pragma once

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "retina/report/picture.h"
#include "retina/report/plot.h"
#include "retina/report/png.h"

namespace retina::report {

/// Composes one self-contained HTML page: no external requests, light and dark. All text is
/// escaped; pictures are embedded as PNG, at most 512 pixels a side.
class Page {
 public:
  explicit Page(std::string title);
  void paragraph(const std::string& text);
  void heading(const std::string& text);
  /// `strong`: cells in bold, each by its row and column.
  void table(const std::vector<std::string>& header,
             const std::vector<std::vector<std::string>>& rows,
             const std::set<std::pair<std::size_t, std::size_t>>& strong = {});
  void pictures(const std::vector<Picture>& row);
  void curves(const std::string& title, const std::string& x_label,
              const std::vector<Curve>& curves);
  std::string html() const;
  /// Atomically.
  void write(const std::filesystem::path& path) const;

 private:
  std::string title_;
  std::string body_;
};

}  // namespace retina::report
