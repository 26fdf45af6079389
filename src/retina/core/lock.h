#pragma once

#include <filesystem>
#include <optional>

namespace retina::core {

/// The right to write one output, held by one process (and one object) at a time. A file
/// ".NAME.lock" beside the output (the folder is made); the kernel frees the lock of a process that
/// dies.
class OutputLock {
 public:
  OutputLock() = default;
  /// resource error that names the output if somebody else is writing it. Where the file system
  /// knows no locks, none is held: see is_held().
  explicit OutputLock(const std::filesystem::path& output);
  /// The same; nothing if somebody else is writing it.
  static std::optional<OutputLock> attempt(const std::filesystem::path& output);
  /// The same; waits while somebody else is writing it. For steps of a moment.
  static OutputLock wait(const std::filesystem::path& output);
  ~OutputLock();
  OutputLock(OutputLock&& other) noexcept;
  OutputLock& operator=(OutputLock&& other) noexcept;

  /// False where the file system knows no locks: nobody else is refused.
  bool is_held() const { return descriptor_ >= 0; }

 private:
  enum class IfTaken { give_up, wait };
  /// False if somebody else holds the lock and keeps it. True without a lock where there are none.
  bool acquire(const std::filesystem::path& output, IfTaken if_taken);
  void release();

  std::filesystem::path file_;
  int descriptor_ = -1;
};

}  // namespace retina::core
