#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>

#include "retina/data/dataset.h"
#include "retina/data/label_index.h"

namespace retina::data {

/// A plane with the places of its labels, shared by all who use it.
struct IndexedPlane {
  LabelledPlane plane;
  LabelIndex foreground;
  LabelIndex known;  ///< empty where all labels are known

  std::int64_t bytes() const { return plane.bytes() + foreground.bytes() + known.bytes(); }
};

/// Reads planes of a dataset and keeps the most recently used ones up to a byte limit. Safe for
/// concurrent use: a plane that several threads ask for is read once.
class PlaneCache {
 public:
  PlaneCache(std::shared_ptr<const Dataset> dataset, std::int64_t limit_bytes);

  std::shared_ptr<const IndexedPlane> get(const Slice& slice);
  std::int64_t bytes() const;  ///< held now
  std::int64_t reads() const;  ///< planes read so far

 private:
  using Key = std::tuple<int, int, std::int64_t>;
  struct Entry {
    std::shared_ptr<const IndexedPlane> plane;  ///< null while it is being read
    std::list<Key>::iterator age;
  };
  void keep(const Key& key, std::shared_ptr<const IndexedPlane> plane);

  std::shared_ptr<const Dataset> dataset_;
  std::int64_t limit_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::map<Key, Entry> entries_;
  std::list<Key> by_age_;  ///< most recently used first
  std::int64_t bytes_ = 0;
  std::int64_t reads_ = 0;
};

}  // namespace retina::data
