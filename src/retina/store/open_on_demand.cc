#include "retina/store/open_on_demand.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <list>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "retina/store/problem.h"

namespace retina::store {

namespace {

/// More than a few threads read at once; a file that is read in parts is opened once.
constexpr std::size_t kMostOpen = 16;

/// The images that are open now, of all that are opened on demand. Safe for concurrent use.
class OpenImages {
 public:
  using Image = std::shared_ptr<const core::Volume>;

  /// Null if the image of `owner` is closed.
  Image find(const core::Volume* owner) {
    const std::lock_guard lock(mutex_);
    const auto found = place_of(owner);
    if (found == recent_.end()) {
      return nullptr;
    }
    recent_.splice(recent_.begin(), recent_, found);
    return found->image;
  }

  /// Closes the one that was not read for longest if there are too many.
  void keep(const core::Volume* owner, Image image) {
    std::list<Entry> closed;  // before the lock: files are closed after it is given back
    const std::lock_guard lock(mutex_);
    if (place_of(owner) != recent_.end()) {
      return;  // another thread opened it too, and was first
    }
    recent_.push_front({.owner = owner, .image = std::move(image)});
    if (recent_.size() > kMostOpen) {
      closed.splice(closed.begin(), recent_, std::prev(recent_.end()));
    }
  }

  void close(const core::Volume* owner) {
    std::list<Entry> closed;
    const std::lock_guard lock(mutex_);
    const auto found = place_of(owner);
    if (found != recent_.end()) {
      closed.splice(closed.begin(), recent_, found);
    }
  }

 private:
  struct Entry {
    const core::Volume* owner = nullptr;
    Image image;
  };

  std::list<Entry>::iterator place_of(const core::Volume* owner) {
    return std::find_if(recent_.begin(), recent_.end(),
                        [owner](const Entry& entry) { return entry.owner == owner; });
  }

  std::mutex mutex_;
  std::list<Entry> recent_;  ///< read last in front
};

/// Never destroyed: what is still open at the end of the program would use the shared cache, which
/// may be gone by then.
OpenImages& open_images() {
  static auto* const images = new OpenImages;
  return *images;
}

class ImageOnDemand final : public core::Volume {
 public:
  ImageOnDemand(std::string path, OpenOptions how, core::VolumeInfo info)
      : Volume(std::move(info)), path_(std::move(path)), how_(std::move(how)) {}
  ~ImageOnDemand() override { open_images().close(this); }
  ImageOnDemand(const ImageOnDemand&) = delete;
  ImageOnDemand& operator=(const ImageOnDemand&) = delete;

 protected:
  core::Array read_box(const core::Box3& box) const override {
    OpenImages::Image image = open_images().find(this);
    if (image == nullptr) {
      image = open(path_, how_);
      require_unchanged(image->info());
      open_images().keep(this, image);
    }
    return image->read(box);
  }

 private:
  /// Whoever reads has made room for what there was.
  void require_unchanged(const core::VolumeInfo& now) const {
    if (now.dtype == info_.dtype && now.channels == info_.channels && now.shape == info_.shape) {
      return;
    }
    const auto described = [](const core::VolumeInfo& info) {
      return fmt::format("{} channel(s) of {}, shape {}", info.channels, core::name_of(info.dtype),
                         core::to_string(info.shape));
    };
    throw bad_file(path_, described(now) + ": it has changed since it was opened", described(info_),
                   "leave the files as they are while they are read");
  }

  std::string path_;
  OpenOptions how_;
};

}  // namespace

std::unique_ptr<core::Volume> open_on_demand(const std::string& path, const OpenOptions& options) {
  std::unique_ptr<core::Volume> image = open(path, options);
  if (image->shape()[0] != 1 || !keeps_file_open(path)) {
    return image;
  }
  return std::make_unique<ImageOnDemand>(path, options, image->info());
}

}  // namespace retina::store
