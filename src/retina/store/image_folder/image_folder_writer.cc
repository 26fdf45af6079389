#include "retina/store/image_folder/image_folder_writer.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "retina/core/file.h"
#include "retina/store/png/png.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

std::vector<std::string> file_names(const CreateOptions& options) {
  const auto width = std::max<std::size_t>(4, std::to_string(options.shape[0] - 1).size());
  std::vector<std::string> names;
  for (std::int64_t z = 0; z < options.shape[0]; ++z) {
    names.push_back(options.slice_names.empty()
                        ? fmt::format("{:0{}}.png", z, width)
                        : options.slice_names[static_cast<std::size_t>(z)] + ".png");
  }
  return names;
}

/// Slices as PNG files in a folder aside.
class PngSlices final : public OutputVolume {
 public:
  enum class Form { folder, file };

  PngSlices(const Location& location, const CreateOptions& options, Form form)
      : OutputVolume(
            output_info(location.text, form == Form::file ? "png" : "image folder (png)", options),
            {1, options.shape[1], options.shape[2]}),
        form_(form),
        final_(location.file),
        folder_(core::partial_path(location.file)),
        names_(file_names(options)) {
    info_.axes = form == Form::file ? "yx" : "zyx";
    if (options.channels > 1) {
      info_.axes += "c";
    }
    prepare_partial_folder(folder_, options);
  }

  bool is_written(const core::Box3& box) const override {
    for (std::int64_t z = box.start[0]; z < box.stop()[0]; ++z) {
      if (!fs::exists(slice_path(z))) {
        return false;
      }
    }
    return true;
  }

  void finish() override {
    const std::lock_guard lock(finish_mutex_);
    if (is_finished_) {
      return;
    }
    for (std::int64_t z = 0; z < info_.shape[0]; ++z) {
      if (!fs::exists(slice_path(z))) {
        store(z, core::Array(info_.dtype, info_.channels, slice_box(z).shape));
      }
    }
    if (form_ == Form::file) {
      core::rename_into_place(slice_path(0), final_);
      fs::remove_all(folder_);
    } else {
      core::rename_into_place(folder_, final_);
      forget_resume_key(final_);
      folder_ = final_;
    }
    is_finished_ = true;
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    core::Array values(info_.dtype, info_.channels, box.shape);
    for (std::int64_t z = box.start[0]; z < box.stop()[0]; ++z) {
      if (fs::exists(slice_path(z))) {
        core::copy_overlap(stored_slice(z), {z, 0, 0}, values, box.start);
      }
    }
    return values;
  }

  void write_box(const core::Box3& box, const core::Array& values) override {
    for (std::int64_t z = box.start[0]; z < box.stop()[0]; ++z) {
      const std::lock_guard lock(mutexes_[static_cast<std::size_t>(z) % mutexes_.size()]);
      const core::Box3 slice = slice_box(z);
      const bool is_whole = box.shape[1] == slice.shape[1] && box.shape[2] == slice.shape[2];
      core::Array merged = !is_whole && fs::exists(slice_path(z))
                               ? stored_slice(z)
                               : core::Array(info_.dtype, info_.channels, slice.shape);
      core::copy_overlap(values, box.start, merged, slice.start);
      store(z, merged);
    }
  }

 private:
  core::Box3 slice_box(std::int64_t z) const {
    return {{z, 0, 0}, {1, info_.shape[1], info_.shape[2]}};
  }

  fs::path slice_path(std::int64_t z) const {
    if (is_finished_ && form_ == Form::file) {
      return final_;
    }
    return folder_ / names_[static_cast<std::size_t>(z)];
  }

  /// Of this process, or of an earlier one. Slices that are complete are not read again: what lies
  /// in the unfinished folder is of the same job (its key).
  core::Array stored_slice(std::int64_t z) const {
    core::Array slice = read_png(slice_path(z));
    if (slice.dtype() != info_.dtype || slice.channels() != info_.channels ||
        slice.shape() != slice_box(z).shape) {
      throw bad_file(
          slice_path(z), "another image than this slice",
          fmt::format("{} of {}", core::to_string(slice_box(z).shape), core::name_of(info_.dtype)),
          "remove it: it is written again");
    }
    return slice;
  }

  void store(std::int64_t z, const core::Array& slice) {
    core::write_atomically(slice_path(z), encode_png(slice, 0));
  }

  Form form_;
  fs::path final_;
  fs::path folder_;
  std::vector<std::string> names_;
  std::array<std::mutex, 64> mutexes_;  // parts of one slice may come from several threads
  std::mutex finish_mutex_;
  bool is_finished_ = false;
};

void require_file_names(const std::vector<std::string>& names) {
  std::vector<Problem> problems;
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
      problems.push_back(
          {.subject = fmt::format("slice name '{}'", name), .found = "no plain file name"});
    } else if (!seen.insert(name).second) {
      problems.push_back({.subject = fmt::format("slice name '{}'", name), .found = "used twice"});
    }
  }
  throw_if_any(ErrorKind::usage, "the slices cannot be named", problems);
}

}  // namespace

std::unique_ptr<OutputVolume> create_image_folder(const Location& location,
                                                  const CreateOptions& options) {
  require_png_can_hold(location.file, options.dtype, options.channels);
  require_file_names(options.slice_names);
  return std::make_unique<PngSlices>(location, options, PngSlices::Form::folder);
}

std::vector<std::string> foreign_in_image_folder(const fs::path& folder, const CreateOptions&) {
  return foreign_entries(folder, [](const fs::directory_entry& entry) {
    return entry.is_regular_file() && extension_of(entry.path()) == ".png";
  });
}

std::unique_ptr<OutputVolume> create_png(const Location& location, const CreateOptions& options) {
  require_png_can_hold(location.file, options.dtype, options.channels);
  if (options.shape[0] != 1) {
    throw Error(ErrorKind::usage,
                Problem{.subject = fmt::format("output '{}'", location.file.string()),
                        .found = fmt::format("{} slices", options.shape[0]),
                        .expected = "one slice in a PNG file",
                        .remedy = "name a folder, a .tif or a .zarr"});
  }
  return std::make_unique<PngSlices>(location, options, PngSlices::Form::file);
}

}  // namespace retina::store
