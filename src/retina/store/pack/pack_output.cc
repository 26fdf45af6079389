#include "retina/store/pack/pack_output.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "retina/core/file.h"
#include "retina/core/json.h"
#include "retina/core/json_text.h"
#include "retina/core/sized_file.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr const char* kItem = "volume";

class PackOutput final : public OutputVolume {
 public:
  PackOutput(const Location& location, const CreateOptions& options)
      : OutputVolume(output_info(location.text, "pack", options),
                     {1, options.shape[1], options.shape[2]}),
        final_(location.file),
        folder_(prepared(core::partial_path(location.file), options)),
        images_(folder_ / "images.bin", options.channels * core::whole(options.shape).voxels()),
        written_(folder_ / kWritten, options.shape[0]) {}

  bool is_written(const core::Box3& box) const override {
    std::vector<std::byte> flags(static_cast<std::size_t>(box.shape[0]));
    written_.read(flags, box.start[0]);
    return std::find(flags.begin(), flags.end(), std::byte{0}) == flags.end();
  }

  void finish() override {
    const std::lock_guard lock(finish_mutex_);
    if (is_finished_) {
      return;
    }
    images_.sync();
    core::write_atomically(folder_ / "index.jsonl",
                           std::string_view(core::dump_json(index_line()) + "\n"));
    const Json header = {
        {"format", "retina-pack"}, {"version", 1}, {"items", 1}, {"attributes", Json::object()}};
    core::write_atomically(folder_ / "pack.json", std::string_view(core::dump_json(header, 2)));
    core::rename_into_place(folder_, final_);
    forget_resume_key(final_);
    is_finished_ = true;
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    core::Array values(info_.dtype, info_.channels, box.shape);
    for_each_row(box, [&](std::int64_t in_file, std::size_t in_box, std::size_t length) {
      images_.read(values.bytes().subspan(in_box, length), in_file);
    });
    return values;
  }

  void write_box(const core::Box3& box, const core::Array& values) override {
    for_each_row(box, [&](std::int64_t in_file, std::size_t in_box, std::size_t length) {
      images_.write(values.bytes().subspan(in_box, length), in_file);
    });
    images_.sync();  // before it is said to be there
    written_.write(std::vector<std::byte>(static_cast<std::size_t>(box.shape[0]), std::byte{1}),
                   box.start[0]);
  }

 private:
  static constexpr const char* kWritten = ".resume_planes";  ///< one byte for each plane

  static fs::path prepared(fs::path folder, const CreateOptions& options) {
    prepare_partial_folder(folder, options);
    return folder;
  }

  /// Calls `visit(place in the file, place in the box, bytes)` for each row of the box.
  template <class Visit>
  void for_each_row(const core::Box3& box, Visit visit) const {
    const core::Vec3& side = info_.shape;
    const auto length = static_cast<std::size_t>(box.shape[2]);
    std::size_t in_box = 0;
    for (std::int64_t c = 0; c < info_.channels; ++c) {
      for (std::int64_t z = box.start[0]; z < box.stop()[0]; ++z) {
        for (std::int64_t y = box.start[1]; y < box.stop()[1]; ++y) {
          visit(((c * side[0] + z) * side[1] + y) * side[2] + box.start[2], in_box, length);
          in_box += length;
        }
      }
    }
  }

  Json index_line() const {
    return {{"name", kItem},
            {"shape", info_.shape},
            {"channels", info_.channels},
            {"axes", info_.axes},
            {"voxel_nm", info_.voxel_nm ? Json(*info_.voxel_nm) : Json(nullptr)},
            {"offset_nm", info_.offset_nm},
            {"image_offset", 0},
            {"labels_offset", nullptr},
            {"range", {0, 255}},
            {"source", info_.source},
            {"provenance", Json::object()}};
  }

  fs::path final_;
  fs::path folder_;
  core::SizedFile images_;
  core::SizedFile written_;
  std::mutex finish_mutex_;
  bool is_finished_ = false;
};

}  // namespace

std::unique_ptr<OutputVolume> create_pack(const Location& location, const CreateOptions& options) {
  if (options.dtype != core::DType::u8) {
    throw Error(ErrorKind::usage,
                Problem{.subject = fmt::format("output '{}'", location.text),
                        .found = fmt::format("values of type {}", core::name_of(options.dtype)),
                        .expected = "uint8, the only type of a pack",
                        .remedy = "write a .zarr"});
  }
  return std::make_unique<PackOutput>(location, options);
}

std::vector<std::string> foreign_in_pack(const fs::path& folder, const CreateOptions&) {
  return foreign_entries(folder, [](const fs::directory_entry& entry) {
    const std::string name = entry.path().filename().string();
    return name == "pack.json" || name == "index.jsonl" || name == "images.bin" ||
           name == "labels.bin";
  });
}

}  // namespace retina::store
