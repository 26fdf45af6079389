#include "retina/store/chunk_cache.h"

#include <atomic>
#include <limits>
#include <utility>

namespace retina::store {

ChunkCache::Item ChunkCache::get(const Key& key, const std::function<core::Array()>& load) {
  std::promise<Item> promise;
  std::shared_future<Item> known;
  {
    const std::lock_guard lock(mutex_);
    const auto [it, is_new] = entries_.try_emplace(key);
    if (is_new) {
      it->second.item = promise.get_future().share();
    } else {
      known = it->second.item;
      if (it->second.ready) {
        recent_.splice(recent_.begin(), recent_, it->second.recent);
      }
    }
  }
  if (known.valid()) {
    return known.get();
  }
  try {
    auto item = std::make_shared<const core::Array>(load());
    promise.set_value(item);
    settle(key, static_cast<std::int64_t>(item->bytes().size()));
    return item;
  } catch (...) {
    promise.set_exception(std::current_exception());
    const std::lock_guard lock(mutex_);
    entries_.erase(key);
    throw;
  }
}

void ChunkCache::settle(const Key& key, std::int64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(key);
  if (it == entries_.end()) {
    return;  // dropped while it was being decoded
  }
  recent_.push_front(key);
  it->second.recent = recent_.begin();
  it->second.bytes = bytes;
  it->second.ready = true;
  used_ += bytes;
  evict();
}

void ChunkCache::evict() {
  while (used_ > budget_ && recent_.size() > 1) {
    const auto it = entries_.find(recent_.back());
    used_ -= it->second.bytes;
    entries_.erase(it);
    recent_.pop_back();
  }
}

void ChunkCache::drop(std::uint64_t owner) {
  const std::lock_guard lock(mutex_);
  const auto first = entries_.lower_bound({owner, std::numeric_limits<std::int64_t>::min()});
  auto it = first;
  for (; it != entries_.end() && it->first.owner == owner; ++it) {
    if (it->second.ready) {
      used_ -= it->second.bytes;
      recent_.erase(it->second.recent);
    }
  }
  entries_.erase(first, it);
}

void ChunkCache::set_budget(std::int64_t bytes) {
  const std::lock_guard lock(mutex_);
  budget_ = bytes;
  evict();
}

std::int64_t ChunkCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

ChunkCache& shared_cache() {
  static ChunkCache cache(std::int64_t{256} << 20);
  return cache;
}

namespace {
std::uint64_t next_owner() {
  static std::atomic<std::uint64_t> counter{0};
  return ++counter;
}
}  // namespace

CacheOwner::CacheOwner() : id_(next_owner()) {}

CacheOwner::~CacheOwner() {
  shared_cache().drop(id_);
}

ChunkCache::Item CacheOwner::get(std::int64_t index,
                                 const std::function<core::Array()>& load) const {
  return shared_cache().get({id_, index}, load);
}

}  // namespace retina::store
