#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "retina/core/volume.h"
#include "retina/engine/scratch_volume.h"

namespace retina::engine {

struct SumStoreOptions {
  int channels = 1;
  core::Vec3 shape{0, 0, 0};
  std::filesystem::path folder;  ///< for files; empty = in memory
  std::string key;               ///< names the plan; a folder of the same key is continued
};

/// The orthoplane accumulator: sums of uint8 shares over passes. On disk every pass writes a new
/// file from that of the pass before, so repeating a block after a crash changes nothing; a journal
/// says which blocks are in.
class SumStore {
 public:
  explicit SumStore(const SumStoreOptions& options);

  /// True if this block was added by an earlier, interrupted process.
  bool is_added(int pass, std::int64_t block) const;
  /// Adds the shares of block number `block` of pass `pass`. Blocks of a pass cover the volume
  /// once.
  void add(int pass, std::int64_t block, const core::Box3& box, const core::Array& shares);
  /// All blocks of `pass` are in.
  void finish_pass(int pass);
  /// shares += the sum of the finished passes.
  void add_to(core::Array& shares, const core::Box3& box) const;
  /// Deletes the files.
  void remove();

 private:
  std::filesystem::path file_of(int pass) const;
  void read_journal();
  bool has_sums_of(int pass) const;
  void record(int pass, std::int64_t block);

  SumStoreOptions options_;
  std::unique_ptr<core::Volume> sums_;   ///< of the finished passes; in memory: of all
  bool are_sums_kept_ = true;            ///< false: the file of that pass was gone
  std::unique_ptr<ScratchVolume> next_;  ///< on disk: of the running pass
  std::set<std::pair<int, std::int64_t>> added_;
};

}  // namespace retina::engine
