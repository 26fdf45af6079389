#include "retina/store/source_identity.h"

#include <array>
#include <filesystem>
#include <span>
#include <system_error>

#include <fmt/format.h>

#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/store/location.h"
#include "retina/store/pack/pack.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

/// Files that describe what else is in their folder, which may be millions of files.
constexpr std::array kDescriptions{"zarr.json",       ".zattrs", ".zgroup",  ".zarray",
                                   "attributes.json", "info",    "pack.json"};

/// Adds name, size and time of change of `file`, if it is one.
void stamp_file(const fs::path& file, Json& stamps) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file, error);
  if (error) {
    return;
  }
  const auto changed = fs::last_write_time(file, error);
  stamps.push_back({file.filename().string(), size, changed.time_since_epoch().count()});
}

Json stamps_of(const Location& location) {
  Json stamps = Json::array();
  stamp_file(location.file, stamps);
  if (!fs::is_directory(location.file)) {
    return stamps;
  }
  for (const char* name : kDescriptions) {
    stamp_file(location.file / name, stamps);
    if (!location.inner.empty()) {
      stamp_file(location.file / location.inner / name, stamps);
    }
  }
  if (stamps.empty()) {
    for (const fs::path& file : core::list_files(location.file)) {
      stamp_file(file, stamps);
    }
  }
  return stamps;
}

std::string digest_of_stamps(const std::string& source) {
  const std::string stamps = core::dump_json(stamps_of(parse_location(source)));
  return core::digest(std::as_bytes(std::span(stamps)));
}

constexpr const char* kRerun = "run the command again, when nothing writes to it";
/// The unfinished output belongs to what the input was.
constexpr const char* kRerunOverwriting =
    "run the command again with --overwrite, when nothing writes to it";

Problem change_of(const std::string& source, const char* remedy) {
  return {.subject = fmt::format("'{}'", source),
          .found = "a file that changed while it was read",
          .expected = "the same size and time of change at the end",
          .remedy = remedy};
}

}  // namespace

Json source_identity(const core::VolumeInfo& info) {
  return {{"source", info.source},
          {"format", info.format},
          {"axes", info.axes},
          {"channels", info.channels},
          {"shape", info.shape},
          {"dtype", core::name_of(info.dtype)},
          {"voxel_nm", info.voxel_nm ? Json(*info.voxel_nm) : Json(nullptr)},
          {"offset_nm", info.offset_nm},
          {"files", stamps_of(parse_location(info.source))}};
}

void require_unchanged(const core::VolumeInfo& info, const Json& before) {
  if (source_identity(info) != before) {
    throw Error(ErrorKind::bad_data, change_of(info.source, kRerunOverwriting));
  }
}

void InputFiles::add(const std::string& source) {
  const Location location = parse_location(source);
  const std::string key = is_pack(location) ? location.file.string() : source;
  if (!digests_.contains(key)) {
    digests_.emplace(key, digest_of_stamps(key));
  }
}

std::optional<Problem> InputFiles::change(Rerun rerun) const {
  for (const auto& [source, digest] : digests_) {
    if (digest_of_stamps(source) != digest) {
      return change_of(source, rerun == Rerun::afresh ? kRerun : kRerunOverwriting);
    }
  }
  return std::nullopt;
}

void InputFiles::require_unchanged(Rerun rerun) const {
  if (const std::optional<Problem> changed = change(rerun)) {
    throw Error(ErrorKind::bad_data, *changed);
  }
}

}  // namespace retina::store
