#include "retina/store/hdf5/chunk_log.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <zlib.h>

namespace retina::store {

namespace {

constexpr std::uint64_t kRecordMagic = 0x3130'474f'4c4b'4843;  // "CHKLOG01"

/// What stands before the bytes of a chunk.
struct RecordHead {
  std::uint64_t magic = kRecordMagic;
  std::int64_t index = 0;
  std::int64_t size = 0;
  std::uint32_t checksum = 0;       ///< of the bytes
  std::uint32_t head_checksum = 0;  ///< of what stands before it
};

std::uint32_t checksum_of(std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::uint32_t checksum_of_head(const RecordHead& head) {
  return checksum_of(std::as_bytes(std::span(&head, 1)).first(offsetof(RecordHead, head_checksum)));
}

}  // namespace

ChunkLog::ChunkLog(const std::filesystem::path& path, std::int64_t chunks)
    : file_(path), entries_(static_cast<std::size_t>(chunks)) {
  recall();
}

void ChunkLog::recall() {
  const std::int64_t size = file_.size();
  constexpr auto kHead = static_cast<std::int64_t>(sizeof(RecordHead));
  std::vector<std::byte> bytes;
  while (size - end_ >= kHead) {
    RecordHead head;
    file_.read(std::as_writable_bytes(std::span(&head, 1)), end_);
    if (head.magic != kRecordMagic || head.head_checksum != checksum_of_head(head) ||
        head.index < 0 || std::cmp_greater_equal(head.index, entries_.size()) || head.size < 0 ||
        head.size > size - end_ - kHead) {
      break;
    }
    bytes.resize(static_cast<std::size_t>(head.size));
    file_.read(bytes, end_ + kHead);
    if (checksum_of(bytes) != head.checksum) {
      break;
    }
    entries_[static_cast<std::size_t>(head.index)] = {end_ + kHead, head.size};
    end_ += kHead + head.size;
  }
  file_.resize(end_);
}

/// Compares the bytes themselves: blocks that share a chunk change it one after the other.
bool ChunkLog::holds(const Entry& entry, std::span<const std::byte> bytes) const {
  if (entry.offset < 0 || std::cmp_not_equal(entry.size, bytes.size())) {
    return false;
  }
  std::vector<std::byte> stored(bytes.size());
  file_.read(stored, entry.offset);
  return std::equal(stored.begin(), stored.end(), bytes.begin());
}

void ChunkLog::put(std::int64_t index, std::span<const std::byte> bytes) {
  RecordHead head;
  head.index = index;
  head.size = static_cast<std::int64_t>(bytes.size());
  head.checksum = checksum_of(bytes);
  head.head_checksum = checksum_of_head(head);
  const auto head_bytes = std::as_bytes(std::span(&head, 1));
  const std::lock_guard lock(mutex_);
  if (holds(entries_[static_cast<std::size_t>(index)], bytes)) {
    return;
  }
  const std::int64_t at = end_ + static_cast<std::int64_t>(head_bytes.size());
  file_.write(bytes, at);
  file_.write(head_bytes, end_);  // last: a record without its head is none
  entries_[static_cast<std::size_t>(index)] = {at, head.size};
  end_ = at + head.size;
}

std::optional<std::vector<std::byte>> ChunkLog::get(std::int64_t index) const {
  Entry entry;
  {
    const std::lock_guard lock(mutex_);
    entry = entries_[static_cast<std::size_t>(index)];
  }
  if (entry.offset < 0) {
    return std::nullopt;
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(entry.size));
  file_.read(bytes, entry.offset);
  return bytes;
}

bool ChunkLog::has(std::int64_t index) const {
  const std::lock_guard lock(mutex_);
  return entries_[static_cast<std::size_t>(index)].offset >= 0;
}

std::int64_t ChunkLog::filled() const {
  const std::lock_guard lock(mutex_);
  return std::count_if(entries_.begin(), entries_.end(),
                       [](const Entry& entry) { return entry.size > 0; });
}

std::int64_t ChunkLog::bytes() const {
  const std::lock_guard lock(mutex_);
  std::int64_t sum = 0;
  for (const Entry& entry : entries_) {
    sum += entry.size;
  }
  return sum;
}

}  // namespace retina::store
