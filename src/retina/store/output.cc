#include "retina/store/output.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "retina/core/file.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr const char* kResumeFile = ".resume_key";

void remove_unfinished_files(const fs::path& folder) {
  std::vector<fs::path> leftovers;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.path().extension() == ".partial") {
      leftovers.push_back(entry.path());
    }
  }
  for (const fs::path& file : leftovers) {
    fs::remove(file);
  }
}

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

void prepare_partial_folder(const fs::path& partial, const CreateOptions& options) {
  const fs::path record = partial / kResumeFile;
  if (fs::exists(record)) {
    const std::string earlier = core::read_text(record);
    if (!options.resume_key.empty() && earlier == options.resume_key) {
      remove_unfinished_files(partial);
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

void forget_resume_key(const fs::path& partial) {
  fs::remove(partial / kResumeFile);
}

}  // namespace retina::store
