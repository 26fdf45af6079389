#include "retina/data/plane_cache.h"

namespace retina::data {

PlaneCache::PlaneCache(std::shared_ptr<const Dataset> dataset, std::int64_t limit_bytes)
    : dataset_(std::move(dataset)), limit_bytes_(limit_bytes) {}

std::shared_ptr<const IndexedPlane> PlaneCache::get(const Slice& slice) {
  const Key key{slice.volume, slice.axis, slice.index};
  {
    std::unique_lock lock(mutex_);
    for (auto found = entries_.find(key); found != entries_.end(); found = entries_.find(key)) {
      if (found->second.plane != nullptr) {
        by_age_.splice(by_age_.begin(), by_age_, found->second.age);
        return found->second.plane;
      }
      arrived_.wait(lock);
    }
    entries_[key] = {};
    ++reads_;
  }
  try {
    auto plane = std::make_shared<IndexedPlane>();
    plane->plane = read_plane(*dataset_, slice);
    if (plane->plane.labels.elements() > 0) {
      plane->foreground = foreground_of(plane->plane.labels);
      plane->known = known_of_partly_known(plane->plane.labels);
    }
    keep(key, plane);
    return plane;
  } catch (...) {
    const std::lock_guard lock(mutex_);
    entries_.erase(key);
    arrived_.notify_all();
    throw;
  }
}

void PlaneCache::keep(const Key& key, std::shared_ptr<const IndexedPlane> plane) {
  const std::lock_guard lock(mutex_);
  bytes_ += plane->bytes();
  by_age_.push_front(key);
  entries_[key] = {.plane = std::move(plane), .age = by_age_.begin()};
  while (bytes_ > limit_bytes_ && by_age_.size() > 1) {
    const auto oldest = entries_.find(by_age_.back());
    bytes_ -= oldest->second.plane->bytes();
    entries_.erase(oldest);
    by_age_.pop_back();
  }
  arrived_.notify_all();
}

std::int64_t PlaneCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::int64_t PlaneCache::reads() const {
  const std::lock_guard lock(mutex_);
  return reads_;
}

}  // namespace retina::data
