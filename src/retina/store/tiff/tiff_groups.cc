#include "retina/store/tiff/tiff_groups.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

/// Pages that are images by themselves, by kind, in the order of their first pages.
std::vector<TiffGroup> group_pages(const std::vector<TiffDirectory>& pages) {
  constexpr std::uint32_t kCopyOrMask = 1U | 4U;
  const bool all_are_copies = std::all_of(pages.begin(), pages.end(), [](const auto& page) {
    return (page.subfile_type & kCopyOrMask) != 0;
  });
  std::vector<TiffGroup> groups;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    if ((pages[i].subfile_type & kCopyOrMask) != 0 && !all_are_copies) {
      continue;
    }
    const auto group = std::find_if(groups.begin(), groups.end(), [&](const TiffGroup& other) {
      return is_same_kind_of_page(other.kind, pages[i]);
    });
    if (group != groups.end()) {
      group->pages.push_back(i);
    } else {
      constexpr std::size_t kMaxKinds = 1000;
      if (groups.size() == kMaxKinds) {
        return groups;  // no series can be told from so many; the list of them is long enough
      }
      groups.push_back({{i}, pages[i], {}});
    }
  }
  return groups;
}

/// As a floating-point number, because sizes that lie would overflow.
double plane_size(const TiffGroup& group) {
  return static_cast<double>(group.kind.width) * static_cast<double>(group.kind.height);
}

/// True if `small` looks like `full` scaled down: a level of a pyramid, a thumbnail.
bool is_smaller_copy(const TiffGroup& small, const TiffGroup& full) {
  const auto fw = static_cast<double>(full.kind.width);
  const auto fh = static_cast<double>(full.kind.height);
  const auto sw = static_cast<double>(small.kind.width);
  const auto sh = static_cast<double>(small.kind.height);
  constexpr double kMinFactor = 1.5;
  const double expected_height = fh * sw / std::max(1.0, fw);
  return small.pages.size() <= full.pages.size() && sw * kMinFactor <= fw &&
         std::abs(sh - expected_height) <= std::max(1.0, 0.02 * expected_height);
}

std::string list_groups(const std::vector<TiffGroup>& groups) {
  std::vector<std::string> lines;
  constexpr std::size_t kMaxLines = 8;
  for (std::size_t i = 0; i < std::min(groups.size(), kMaxLines); ++i) {
    const TiffGroup& group = groups[i];
    lines.push_back(fmt::format("series={}: {} page(s) from page {} on, {}", i, group.pages.size(),
                                group.pages.front() + 1, group.kind.text()));
  }
  if (groups.size() > kMaxLines) {
    lines.push_back(fmt::format("and {} more", groups.size() - kMaxLines));
  }
  return fmt::format("{}", fmt::join(lines, "; "));
}

}  // namespace

Error no_such_series(const fs::path& path, std::int64_t wanted, std::size_t count) {
  return bad_file(path, fmt::format("series {}", wanted),
                  fmt::format("a series from 0 to {}", count - 1), "name one that exists");
}

bool is_same_kind_of_page(const TiffDirectory& a, const TiffDirectory& b) {
  return a.width == b.width && a.height == b.height && a.bits == b.bits && a.dtype() == b.dtype() &&
         a.channels() == b.channels();
}

TiffGroup choose_tiff_group(const fs::path& path, const TiffContents& contents,
                            std::optional<std::int64_t> series) {
  std::vector<TiffGroup> groups = group_pages(contents.pages);
  if (series) {
    if (std::cmp_greater_equal(*series, groups.size())) {
      throw no_such_series(path, *series, groups.size());
    }
    return groups[static_cast<std::size_t>(*series)];
  }
  const auto full =
      std::max_element(groups.begin(), groups.end(),
                       [](const auto& a, const auto& b) { return plane_size(a) < plane_size(b); });
  for (auto other = groups.begin(); other != groups.end(); ++other) {
    if (other != full && !is_smaller_copy(*other, *full)) {
      throw bad_file(path, fmt::format("pages of several kinds ({})", list_groups(groups)),
                     "pages of one size and kind",
                     fmt::format("name the series: '{}:series=0'", path.string()));
    }
  }
  const std::size_t left_out = contents.pages.size() - full->pages.size();
  if (left_out > 0) {
    full->notes.push_back(
        fmt::format("{} smaller page(s) (pyramid or thumbnails) are not read: "
                    "the full resolution is {}",
                    left_out, full->kind.text()));
  }
  return std::move(*full);
}

}  // namespace retina::store
