#include "retina/store/flat_output.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "retina/core/durable.h"
#include "retina/core/file.h"
#include "retina/core/sized_file.h"
#include "retina/store/flat_file.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

class FlatOutput final : public OutputVolume {
 public:
  FlatOutput(const Location& location, const CreateOptions& options, std::string_view format,
             const std::string& header)
      : OutputVolume(output_info(location.text, format, options),
                     {1, options.shape[1], options.shape[2]}),
        path_(location.file),
        partial_(core::partial_path(location.file)),
        is_resumable_(!options.resume_key.empty()),
        is_plane_written_(static_cast<std::size_t>(options.shape[0])) {
    layout_.dtype = options.dtype;
    layout_.byte_order = std::endian::native;
    layout_.shape = with_channels(core::whole(options.shape), options.channels).shape;
    layout_.offset = static_cast<std::int64_t>(header.size());
    prepare_partial_folder(partial_, options);
    voxels_ = std::make_unique<core::SizedFile>(partial_ / "voxels");
    const std::int64_t size = layout_.offset + bytes_of(layout_);
    if (voxels_->size() != size) {
      fs::remove(partial_ / "planes");  // they speak of a file that was put in place since
    }
    voxels_->write(std::as_bytes(std::span(header)), 0);
    voxels_->resize(size);
    source_ = std::make_unique<PositionedFile>(partial_ / "voxels");
    recall_planes();
  }

  bool is_written(const core::Box3& box) const override {
    const std::lock_guard lock(mutex_);
    const auto first = is_plane_written_.begin() + box.start[0];
    return std::all_of(first, first + box.shape[0], [](bool written) { return written; });
  }

  void finish() override {
    const std::lock_guard lock(mutex_);
    if (voxels_ == nullptr) {
      return;
    }
    voxels_->sync();
    core::rename_into_place(partial_ / "voxels", path_);
    voxels_.reset();
    journal_.reset();
    core::discard(partial_);
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    return read_flat(*source_, layout_, with_channels(box, info_.channels));
  }

  void write_box(const core::Box3& box, const core::Array& values) override {
    if (voxels_ == nullptr) {
      throw Error(ErrorKind::usage,
                  Problem{.subject = info_.source, .found = "written after finish()"});
    }
    write_voxels(box, values.bytes());
    if (is_resumable_) {
      voxels_->sync();  // the record must not outlive a crash that the voxels did not
    }
    const std::lock_guard lock(mutex_);
    for (std::int64_t z = box.start[0]; z < box.stop()[0]; ++z) {
      if (!is_plane_written_[static_cast<std::size_t>(z)]) {
        is_plane_written_[static_cast<std::size_t>(z)] = true;
        record(z);
      }
    }
  }

 private:
  void write_voxels(const core::Box3& box, std::span<const std::byte> values) {
    const auto size = static_cast<std::int64_t>(core::size_of(info_.dtype));
    const bool has_whole_rows = box.shape[2] == info_.shape[2];
    const bool has_whole_planes = has_whole_rows && box.shape[1] == info_.shape[1];
    const std::int64_t planes = has_whole_planes ? box.shape[0] : 1;
    const std::int64_t rows = has_whole_rows ? box.shape[1] : 1;
    const auto run = static_cast<std::size_t>(planes * rows * box.shape[2] * size);
    for (int c = 0; c < info_.channels; ++c) {
      for (std::int64_t z = 0; z < box.shape[0]; z += planes) {
        for (std::int64_t y = 0; y < box.shape[1]; y += rows) {
          const std::int64_t row =
              (c * info_.shape[0] + box.start[0] + z) * info_.shape[1] + box.start[1] + y;
          voxels_->write(values.first(run),
                         layout_.offset + (row * info_.shape[2] + box.start[2]) * size);
          values = values.subspan(run);
        }
      }
    }
  }

  /// Planes that an earlier process wrote: their numbers, 8 bytes each.
  void recall_planes() {
    if (!is_resumable_) {
      return;
    }
    const fs::path path = partial_ / "planes";
    if (fs::exists(path)) {
      const std::vector<std::byte> bytes = core::read_bytes(path);
      for (std::size_t i = 0; i + sizeof(std::int64_t) <= bytes.size(); i += sizeof(std::int64_t)) {
        std::int64_t z = 0;
        std::memcpy(&z, bytes.data() + i, sizeof(z));
        if (z >= 0 && z < info_.shape[0]) {
          is_plane_written_[static_cast<std::size_t>(z)] = true;
          journal_bytes_ = static_cast<std::int64_t>(i + sizeof(z));
        }
      }
    }
    journal_ = std::make_unique<core::SizedFile>(path);
  }

  void record(std::int64_t z) {
    if (journal_ != nullptr) {
      journal_->write(std::as_bytes(std::span(&z, 1)), journal_bytes_);
      journal_bytes_ += static_cast<std::int64_t>(sizeof(z));
    }
  }

  fs::path path_;
  fs::path partial_;
  bool is_resumable_;
  FlatLayout layout_;
  std::unique_ptr<core::SizedFile> voxels_;
  std::unique_ptr<PositionedFile> source_;
  std::unique_ptr<core::SizedFile> journal_;
  std::int64_t journal_bytes_ = 0;
  mutable std::mutex mutex_;
  std::vector<bool> is_plane_written_;
};

}  // namespace

std::unique_ptr<OutputVolume> create_flat(const Location& location, const CreateOptions& options,
                                          std::string_view format, const std::string& header) {
  return std::make_unique<FlatOutput>(location, options, format, header);
}

}  // namespace retina::store
