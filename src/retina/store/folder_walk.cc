#include "retina/store/folder_walk.h"

#include <algorithm>
#include <set>
#include <system_error>

#include <fmt/format.h>

#include "retina/core/file.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr int kMostDepth = 6;
constexpr std::size_t kMostPaths = 1000;
constexpr std::size_t kMostVisited = 20000;
constexpr std::size_t kMostListed = 20;

class FolderWalk {
 public:
  FolderWalk(const fs::path& top, const std::function<Visit(const fs::path&)>& look)
      : top_(top), look_(look) {
    is_new(top);
    visit(top, 1);
  }

  std::vector<std::string> found() && { return std::move(found_); }

 private:
  bool is_new(const fs::path& folder) {
    std::error_code error;
    const fs::path real = fs::canonical(folder, error);
    return !error && seen_.insert(real).second;
  }

  void visit(const fs::path& folder, int depth) {
    std::error_code error;  // a folder that cannot be listed has nothing to offer
    for (fs::directory_iterator it(folder, error); !error && it != fs::directory_iterator();
         it.increment(error)) {
      const fs::path& child = it->path();
      std::error_code ignored;
      if (found_.size() >= kMostPaths || seen_.size() >= kMostVisited ||
          child.filename().string().starts_with('.') || !fs::is_directory(child, ignored) ||
          !is_new(child)) {
        continue;
      }
      const Visit what = look_(child);
      if (what == Visit::list) {
        found_.push_back(child.lexically_relative(top_).string());
      } else if (what == Visit::descend && depth < kMostDepth) {
        visit(child, depth + 1);
      }
    }
  }

  const fs::path& top_;
  const std::function<Visit(const fs::path&)>& look_;
  std::set<fs::path> seen_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> folders_below(const fs::path& top,
                                       const std::function<Visit(const fs::path&)>& look) {
  std::vector<std::string> paths = FolderWalk(top, look).found();
  std::sort(paths.begin(), paths.end(),
            [](const auto& a, const auto& b) { return core::natural_less(a, b); });
  return paths;
}

std::string listed_choices(const fs::path& top, const std::vector<std::string>& paths) {
  std::string text;
  for (std::size_t i = 0; i < std::min(paths.size(), kMostListed); ++i) {
    text += fmt::format("{}{}:{}", i == 0 ? "" : ", ", top.string(), paths[i]);
  }
  if (paths.size() > kMostListed) {
    text += fmt::format(" and {} more", paths.size() - kMostListed);
  }
  return text;
}

}  // namespace retina::store
