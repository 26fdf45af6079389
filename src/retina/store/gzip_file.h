#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace retina::store {

/// What a gzip stream in memory holds, `limit` bytes at most; bad_data (without a file's name) if
/// it is damaged, cut short or holds more. Memory grows with what is decoded.
std::vector<std::byte> gunzip(std::span<const std::byte> packed, std::size_t limit);

/// A gzip file that is read at chosen places of its content. It is decoded from its beginning; a
/// few decoders stay where they are, so that reading on costs nothing extra and only going back
/// starts anew. Safe for use from several threads.
class GzipFile {
 public:
  /// bad_data naming the file if it cannot be opened.
  explicit GzipFile(std::filesystem::path path);
  ~GzipFile();
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;

  /// Fills `out` with the content from `offset` on; bad_data naming the file if it is damaged or
  /// ends before.
  void read(std::int64_t offset, std::span<std::byte> out);

  /// The most bytes that the content can have, from the size of the file: deflate packs 1032 bytes
  /// into one at best. For checks before memory is allocated.
  std::int64_t most_content() const { return most_content_; }

 private:
  class Decoder;

  std::unique_ptr<Decoder> take(std::int64_t offset);
  void give_back(std::unique_ptr<Decoder> decoder);

  std::filesystem::path path_;
  std::int64_t most_content_ = 0;
  std::mutex mutex_;
  std::list<std::unique_ptr<Decoder>> idle_;  ///< the latest used in front
};

}  // namespace retina::store
