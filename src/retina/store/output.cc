#include "retina/store/output.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/core/durable.h"
#include "retina/core/file.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr const char* kResumePrefix = ".resume_";  ///< of what formats note for a later run
constexpr const char* kResumeFile = ".resume_key";

}  // namespace

std::vector<Problem> CreateOptions::validate() const {
  std::vector<Problem> problems;
  if (*std::min_element(shape.begin(), shape.end()) < 1) {
    problems.push_back({.subject = "shape of the output",
                        .found = core::to_string(shape),
                        .expected = "at least 1 voxel in z, y and x"});
  }
  if (channels < 1) {
    problems.push_back({.subject = "channels of the output",
                        .found = std::to_string(channels),
                        .expected = "1 or more"});
  }
  if (pyramid_levels < -1) {
    problems.push_back({.subject = "pyramid levels",
                        .found = std::to_string(pyramid_levels),
                        .expected = "-1 (automatic), 0 or more"});
  }
  for (const core::Vec3* grid : {&chunk, &shard}) {
    if (*std::min_element(grid->begin(), grid->end()) < 0) {
      problems.push_back({.subject = grid == &chunk ? "chunk" : "shard",
                          .found = core::to_string(*grid),
                          .expected = "0 (the format's default) or more"});
    }
  }
  if (zarr_version == ZarrVersion::v0_4 && shard != core::Vec3{0, 0, 0}) {
    problems.push_back({.subject = "shard",
                        .found = core::to_string(shard),
                        .expected = "none: OME-Zarr 0.4 has no shards"});
  }
  if (!slice_names.empty() && std::cmp_not_equal(slice_names.size(), shape[0])) {
    problems.push_back({.subject = "slice names",
                        .found = fmt::format("{} names", slice_names.size()),
                        .expected = fmt::format("one for each of {} slices", shape[0])});
  }
  return problems;
}

core::VolumeInfo output_info(const std::string& path, std::string_view format,
                             const CreateOptions& options) {
  core::VolumeInfo info;
  info.source = path;
  info.format = format;
  info.axes = options.channels > 1 ? "czyx" : "zyx";
  info.dtype = options.dtype;
  info.channels = options.channels;
  info.shape = options.shape;
  info.voxel_nm = options.voxel_nm;
  info.voxel_nm_source = options.voxel_nm ? "given when it was created" : "";
  info.offset_nm = options.offset_nm;
  info.is_labels = options.is_labels;
  return info;
}

void refuse_existing(const fs::path& final_path, const CreateOptions& options) {
  if (!options.overwrite && fs::exists(fs::symlink_status(final_path))) {
    throw Error(ErrorKind::usage,
                Problem{.subject = fmt::format("output '{}'", final_path.string()),
                        .found = "it exists already",
                        .expected = "a new name",
                        .remedy = "choose another output or pass --overwrite"});
  }
}

void refuse_other_kind(const fs::path& final_path, bool becomes_folder) {
  const bool is_folder = fs::is_directory(final_path);
  if (fs::exists(final_path) && is_folder != becomes_folder) {
    throw Error(ErrorKind::usage,
                Problem{.subject = fmt::format("output '{}'", final_path.string()),
                        .found = is_folder ? "a folder of this name" : "a file of this name",
                        .expected = is_folder ? "a new name, or a file to replace"
                                              : "a new name, or a folder to replace",
                        .remedy = "choose another output, or remove it yourself"});
  }
}

std::vector<std::string> foreign_entries(
    const fs::path& folder, const std::function<bool(const fs::directory_entry&)>& is_own) {
  std::vector<std::string> foreign;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with('.') && !is_own(entry)) {
      foreign.push_back(name);
    }
  }
  std::sort(foreign.begin(), foreign.end(), core::natural_less);
  return foreign;
}

void refuse_foreign(const fs::path& folder, const std::vector<std::string>& foreign) {
  constexpr std::ptrdiff_t kNamed = 5;
  if (foreign.empty()) {
    return;
  }
  const auto end = foreign.begin() + std::min(kNamed, std::ssize(foreign));
  throw Error(ErrorKind::usage,
              Problem{.subject = fmt::format("output '{}'", folder.string()),
                      .found = fmt::format("a folder that also holds {}{}",
                                           fmt::join(foreign.begin(), end, ", "),
                                           end == foreign.end() ? "" : ", ..."),
                      .expected = "a new name, or an earlier output of this form alone",
                      .remedy = "choose another output, or remove the folder yourself"});
}

void refuse_replacing_input(const std::string& input, const std::string& output) {
  const Location from = parse_location(input);
  const Location to = parse_location(output);
  const fs::path source = fs::weakly_canonical(from.file / from.inner);
  const fs::path target = fs::weakly_canonical(to.file / to.inner);
  const auto [left, right] =
      std::mismatch(target.begin(), target.end(), source.begin(), source.end());
  if (left == target.end() || (left->empty() && std::next(left) == target.end())) {
    throw Error(ErrorKind::usage, Problem{.subject = fmt::format("output '{}'", output),
                                          .found = fmt::format("the input '{}' lies there", input),
                                          .expected = "another place",
                                          .remedy = "choose another output"});
  }
}

void prepare_partial_folder(const fs::path& partial, const CreateOptions& options) {
  const fs::path record = partial / kResumeFile;
  if (fs::exists(record)) {
    const std::string earlier = core::read_text(record);
    if (!options.resume_key.empty() && earlier == options.resume_key) {
      core::remove_leftovers(partial);
      return;
    }
    if (!options.overwrite) {
      throw Error(
          ErrorKind::usage,
          Problem{.subject = fmt::format("unfinished output '{}'", partial.string()),
                  .found = "work of another plan",
                  .expected = "an output of the same plan, or none",
                  .remedy = "repeat the earlier options to continue it, or pass --overwrite to "
                            "throw it away"});
    }
  }
  fs::remove_all(partial);
  fs::create_directories(partial);
  if (!options.resume_key.empty()) {
    core::write_atomically(record, std::string_view(options.resume_key));
  }
}

void forget_resume_key(const fs::path& finished) {
  if (!fs::is_directory(finished)) {
    return;
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(finished)) {
    if (entry.path().filename().string().starts_with(kResumePrefix)) {
      fs::remove(entry.path());
    }
  }
}

}  // namespace retina::store
