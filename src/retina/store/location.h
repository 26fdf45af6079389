#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace retina::store {

/// A place a user named: a file or folder, possibly a dataset inside it (`container:path`), and
/// possibly one of its channels (`:c=N` or `,c=N` at the end).
struct Location {
  std::string text;            ///< as the user wrote it
  std::filesystem::path file;  ///< the file or folder; need not exist for outputs
  std::string inner;  ///< path inside the container, without slashes at its ends; may be empty
  std::optional<int> channel = {};  ///< to read alone, counted from 0
};

/// Splits `container:path` and the channel from it. A name that exists as it stands is never split;
/// nor is one without a
/// ':' that follows an existing file or the name of a container (.zarr, .h5, .hdf5, .hdf).
Location parse_location(const std::string& text);

/// What is named: the file, or the path inside it where that is a folder.
std::filesystem::path folder_of(const Location& location);

/// bad_data if `location` names a dataset inside a file that holds only one image.
void refuse_inner_path(const Location& location);

/// Lower-case extension with its dot: ".tif"; "" without one.
std::string extension_of(const std::filesystem::path& path);

/// True if the regular file begins with `magic`.
bool begins_with(const std::filesystem::path& file, std::string_view magic);

/// True if there is something at `path`; bad_data naming it if that cannot be told, as in a folder
/// that may not be searched: what is not readable must not pass for absent.
bool is_present(const std::filesystem::path& path);

/// Throws what the system says of a path that may not be looked at or read (permissions, links that
/// lead back to themselves, a failing disk); nothing for one that is not there.
void require_readable(const std::filesystem::path& path);

/// Size of a file in bytes; bad_data naming it if that cannot be told.
std::int64_t size_of_file(const std::filesystem::path& file);

}  // namespace retina::store
