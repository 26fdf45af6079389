#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <mutex>

#include "retina/core/array.h"

namespace retina::store {

/// Decoded chunks, slices and pages, least recently used first out. Safe for use from several
/// threads: of several callers that want the same chunk one decodes it and the others wait.
class ChunkCache {
 public:
  using Item = std::shared_ptr<const core::Array>;

  struct Key {
    std::uint64_t owner = 0;  ///< see CacheOwner
    std::int64_t index = 0;   ///< of the chunk in its volume
    auto operator<=>(const Key&) const = default;
  };

  explicit ChunkCache(std::int64_t budget_bytes) : budget_(budget_bytes) {}

  /// The chunk under `key`, from the cache or from `load`, whose errors pass through and leave no
  /// trace.
  Item get(const Key& key, const std::function<core::Array()>& load);

  /// Forgets the chunks of one owner.
  void drop(std::uint64_t owner);

  /// The last chunk stays even if it alone is larger than the budget.
  void set_budget(std::int64_t bytes);
  std::int64_t bytes() const;

 private:
  struct Entry {
    std::shared_future<Item> item;
    std::int64_t bytes = 0;
    std::list<Key>::iterator recent;
    bool ready = false;
  };

  void settle(const Key& key, std::int64_t bytes);
  void evict();

  mutable std::mutex mutex_;
  std::map<Key, Entry> entries_;
  std::list<Key> recent_;  ///< of the ready entries, the latest used in front
  std::int64_t budget_;
  std::int64_t used_ = 0;
};

/// The cache that all readers of this process share, 256 MiB unless set otherwise: memory stays
/// bounded however many files are open.
ChunkCache& shared_cache();

/// Identity of a volume in the shared cache; its chunks leave the cache with it.
class CacheOwner {
 public:
  CacheOwner();
  ~CacheOwner();
  CacheOwner(const CacheOwner&) = delete;
  CacheOwner& operator=(const CacheOwner&) = delete;

  ChunkCache::Item get(std::int64_t index, const std::function<core::Array()>& load) const;

 private:
  std::uint64_t id_;
};

}  // namespace retina::store
