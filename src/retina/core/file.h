#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "retina/core/json.h"

namespace retina::core {

namespace fs = std::filesystem;

/// Whole file as text; bad_data naming the path if it cannot be read.
std::string read_text(const fs::path& path);
std::vector<std::byte> read_bytes(const fs::path& path);
/// Parsed JSON; bad_data with path, line and column if it is not JSON.
Json read_json(const fs::path& path);

/// Writes aside, syncs, then renames: a reader sees the old file or the new one, never a part
/// (survives kill -9).
void write_atomically(const fs::path& path, std::span<const std::byte> bytes);
void write_atomically(const fs::path& path, std::string_view text);

/// Moves a finished temporary file or folder to its final name and syncs the parent folder. A
/// folder in the way is replaced.
void rename_into_place(const fs::path& temporary, const fs::path& final_path);

/// A name beside `path` for work in progress: ".NAME.partial" in the same folder.
fs::path partial_path(const fs::path& path);

/// "img2" before "img10": digit runs compare by value.
bool natural_less(std::string_view a, std::string_view b);

/// Non-hidden regular files of a folder (symlinks followed) in natural order of their names.
std::vector<fs::path> list_files(const fs::path& folder);

/// A file mapped read-only into memory.
class MappedFile {
 public:
  explicit MappedFile(const fs::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

/// "2GiB", "512M", "4096" -> bytes; usage error otherwise.
std::int64_t parse_size(std::string_view text);
/// 1536 -> "1.5 KiB"
std::string format_size(std::int64_t bytes);

/// FNV-1a of 64 bits in hexadecimal: a name for content, no protection against intent.
std::string digest(std::span<const std::byte> bytes);

/// Greatest resident memory of this process so far, bytes.
std::int64_t peak_rss_bytes();

}  // namespace retina::core
