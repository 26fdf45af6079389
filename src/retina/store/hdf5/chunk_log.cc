#include "retina/store/hdf5/chunk_log.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include "retina/store/problem.h"

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

ChunkLog::ChunkLog(std::filesystem::path path, std::int64_t chunks)
    : path_(std::move(path)),
      descriptor_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)),
      entries_(static_cast<std::size_t>(chunks)) {
  if (descriptor_ < 0) {
    throw Error(ErrorKind::resource, Problem{.subject = fmt::format("'{}'", path_.string()),
                                             .found = std::strerror(errno),
                                             .expected = "a writable folder",
                                             .remedy = "write elsewhere"});
  }
  recall();
}

ChunkLog::~ChunkLog() {
  ::close(descriptor_);
}

void ChunkLog::recall() {
  const std::int64_t size = std::max<off_t>(0, ::lseek(descriptor_, 0, SEEK_END));
  constexpr auto kHead = static_cast<std::int64_t>(sizeof(RecordHead));
  std::vector<std::byte> bytes;
  while (size - end_ >= kHead) {
    RecordHead head;
    read(end_, std::as_writable_bytes(std::span(&head, 1)));
    if (head.magic != kRecordMagic || head.head_checksum != checksum_of_head(head) ||
        head.index < 0 || std::cmp_greater_equal(head.index, entries_.size()) || head.size < 0 ||
        head.size > size - end_ - kHead) {
      break;
    }
    bytes.resize(static_cast<std::size_t>(head.size));
    read(end_ + kHead, bytes);
    if (checksum_of(bytes) != head.checksum) {
      break;
    }
    entries_[static_cast<std::size_t>(head.index)] = {end_ + kHead, head.size};
    end_ += kHead + head.size;
  }
  if (::ftruncate(descriptor_, end_) != 0) {
    throw bad_file(path_, std::strerror(errno), "unfinished work that can be continued",
                   "start over with --overwrite");
  }
}

void ChunkLog::read(std::int64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t got = ::pread(descriptor_, out.data(), out.size(), offset);
    if (got == 0 || (got < 0 && errno != EINTR)) {
      throw bad_file(path_, "unfinished work that cannot be read", "the work of an earlier run",
                     "start over with --overwrite");
    }
    offset += std::max<ssize_t>(got, 0);
    out = out.subspan(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  }
}

void ChunkLog::write(std::int64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(descriptor_, bytes.data(), bytes.size(), offset);
    if (put == 0 || (put < 0 && errno != EINTR)) {
      throw Error(ErrorKind::resource,
                  Problem{.subject = fmt::format("'{}'", path_.string()),
                          .found = fmt::format("writing failed: {}", std::strerror(errno)),
                          .expected = "space on the disk",
                          .remedy = "free some space or write elsewhere"});
    }
    offset += std::max<ssize_t>(put, 0);
    bytes = bytes.subspan(static_cast<std::size_t>(std::max<ssize_t>(put, 0)));
  }
}

void ChunkLog::put(std::int64_t index, std::span<const std::byte> bytes) {
  RecordHead head;
  head.index = index;
  head.size = static_cast<std::int64_t>(bytes.size());
  head.checksum = checksum_of(bytes);
  head.head_checksum = checksum_of_head(head);
  const auto head_bytes = std::as_bytes(std::span(&head, 1));
  const std::lock_guard lock(mutex_);
  const std::int64_t at = end_ + static_cast<std::int64_t>(head_bytes.size());
  write(at, bytes);
  write(end_, head_bytes);  // last: a record without its head is none
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
  read(entry.offset, bytes);
  return bytes;
}

bool ChunkLog::has(std::int64_t index) const {
  const std::lock_guard lock(mutex_);
  return entries_[static_cast<std::size_t>(index)].offset >= 0;
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
