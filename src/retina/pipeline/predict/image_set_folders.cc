#include "retina/pipeline/predict/image_set_folders.h"

#include <memory>
#include <utility>

#include "retina/core/file.h"
#include "retina/core/replace_folder.h"
#include "retina/pipeline/predict/overlay_pictures.h"
#include "retina/store/location.h"
#include "retina/store/open.h"
#include "retina/store/output.h"
#include "retina/store/output_place.h"
#include "retina/store/pack/pack.h"
#include "retina/store/pack/pack_output.h"

namespace retina::pipeline {

namespace fs = std::filesystem;

namespace {

/// In the folder of a set that becomes a pack: the results of single images, each a pack.
constexpr const char* kParts = "parts";
constexpr const char* kPackHeader = "pack.json";  ///< written last

/// A result in a pack of its own, which is mapped while it is read only: there may be more of them
/// than a process may map at once.
class PartOfPack final : public core::Volume {
 public:
  PartOfPack(const fs::path& part, const std::string& source)
      : Volume(store::open(part.string())->info()), part_(part.string()) {
    info_.source = source;
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    return store::open(part_)->read(box);
  }

 private:
  std::string part_;
};

fs::path part_of_pack(const fs::path& folder, const ImageItem& item) {
  return folder / kParts / (item.image.stem + ".pack");
}

/// Of the parts in `folder` one pack in the same.
void join(const fs::path& folder, const std::vector<ImageItem>& items,
          const core::Context& context) {
  if (!fs::is_directory(folder / kParts)) {
    return;  // an earlier run did it
  }
  if (!fs::exists(folder / kPackHeader)) {
    std::vector<store::PackItem> parts;
    for (const ImageItem& item : items) {
      store::PackItem part;
      part.name = item.image.name;
      part.image = std::make_shared<const PartOfPack>(part_of_pack(folder, item), item.image.path);
      part.provenance["source"] = item.image.path;
      parts.push_back(std::move(part));
    }
    store::write_pack_files(folder, parts, Json::object(), context);
  }
  fs::remove_all(folder / kParts);
}

/// A folder that is replaced must hold results alone.
void refuse_foreign_files(const fs::path& folder) {
  if (store::extension_of(folder) == ".pack" && fs::is_directory(folder)) {
    store::refuse_foreign(folder, store::foreign_in_pack(folder, {}));
  } else {
    refuse_other_files(folder, {".png", ".tif"});
  }
}

void write_image(const fs::path& file, const core::Array& values, const core::VolumeInfo& info) {
  store::CreateOptions how;
  how.dtype = values.dtype();
  how.channels = values.channels();
  how.shape = values.shape();
  how.voxel_nm = info.voxel_nm;
  how.is_labels = true;
  how.overwrite = true;  // of a file that an interrupted run left in the unfinished folder
  const auto target = store::create(file.string(), how);
  target->write(core::whole(values.shape()), values);
  target->finish();
}

}  // namespace

ImageSetFolders::ImageSetFolders(const PredictionSetup& setup, std::string output)
    : setup_(setup),
      output_(std::move(output)),
      is_pack_(!store::output_place(output_).extension.empty()) {}

std::string ImageSetFolders::probabilities_folder() const {
  return sibling_path(output_, "probabilities");
}

/// Ids and pictures are files in a folder, beside a pack too.
std::string ImageSetFolders::instances_folder() const {
  return outside_path(output_, "instances").string();
}

std::vector<std::string> ImageSetFolders::all() const {
  std::vector<std::string> folders{output_};
  if (setup_.options.probabilities) {
    folders.push_back(probabilities_folder());
  }
  if (setup_.postprocess.instances != 0) {
    folders.push_back(instances_folder());
  }
  if (setup_.options.overlay) {
    folders.push_back(overlay_path(output_));
  }
  return folders;
}

fs::path ImageSetFolders::prepare_folder(const std::string& final_path, const std::string& key,
                                         const store::FinishRecord& record) const {
  const fs::path partial = core::partial_path(final_path);
  if (!record.is_finished(final_path)) {
    store::CreateOptions how;
    how.overwrite = setup_.options.overwrite || record.is_ours();
    how.resume_key = key;
    core::recover_replaced(final_path);
    store::refuse_existing(final_path, how);
    refuse_foreign_files(final_path);
    store::prepare_partial_folder(partial, how);
  }
  return partial;
}

void ImageSetFolders::prepare(const std::string& key, const store::FinishRecord& record) {
  labels_ = prepare_folder(output_, key, record);
  if (setup_.options.probabilities) {
    probabilities_ = prepare_folder(probabilities_folder(), key, record);
  }
  if (setup_.postprocess.instances != 0) {
    instances_ = prepare_folder(instances_folder(), key, record);
  }
  if (setup_.options.overlay) {
    overlay_ = prepare_folder(overlay_path(output_), key, record);
  }
}

void ImageSetFolders::join_parts(const std::vector<ImageItem>& items,
                                 const core::Context& context) const {
  if (!is_pack_) {
    return;
  }
  join(labels_, items, context);
  if (!probabilities_.empty()) {
    join(probabilities_, items, context);
  }
}

void ImageSetFolders::finish(PredictReport& report, const store::FinishRecord& record) const {
  const auto give_name = [&](const fs::path& partial, const std::string& final_path) {
    if (!record.is_finished(final_path)) {
      core::rename_into_place(partial, final_path);
      store::forget_resume_key(final_path);
    }
    return final_path;
  };
  if (!overlay_.empty()) {
    report.overlay = give_name(overlay_, overlay_path(output_));
  }
  if (!instances_.empty()) {
    report.instances = give_name(instances_, instances_folder());
  }
  if (!probabilities_.empty()) {
    report.probabilities = give_name(probabilities_, probabilities_folder());
  }
  give_name(labels_, output_);
}

/// The file of `item` in one of the folders, or its part of a pack.
fs::path ImageSetFolders::file_in(const fs::path& folder, const ImageItem& item,
                                  const char* extension) const {
  return is_pack_ ? part_of_pack(folder, item) : folder / (item.image.stem + extension);
}

fs::path ImageSetFolders::label_file(const ImageItem& item) const {
  return file_in(labels_, item, ".png");
}

/// PNG holds one class; the maps of several become the pages of a TIFF file.
fs::path ImageSetFolders::probability_file(const ImageItem& item) const {
  return file_in(probabilities_, item, setup_.predictor->channels() == 1 ? ".png" : ".tif");
}

fs::path ImageSetFolders::instance_file(const ImageItem& item) const {
  return instances_ / (item.image.stem + ".tif");  // PNG holds 65,535 ids at most
}

fs::path ImageSetFolders::overlay_file(const ImageItem& item) const {
  return overlay_ / (item.image.stem + ".png");
}

/// True if `file` is there, or has become part of the pack in `folder`.
bool ImageSetFolders::holds(const fs::path& folder, const fs::path& file) const {
  return fs::exists(file) || (is_pack_ && fs::exists(folder / kPackHeader));
}

bool ImageSetFolders::is_done(const ImageItem& item) const {
  return holds(labels_, label_file(item)) &&
         (probabilities_.empty() || holds(probabilities_, probability_file(item))) &&
         (instances_.empty() || fs::exists(instance_file(item))) &&
         (overlay_.empty() || fs::exists(overlay_file(item)));
}

void ImageSetFolders::write(const ImageItem& item, const core::Array& pixels,
                            const ImagePrediction& prediction) const {
  if (!overlay_.empty()) {
    write_overlay(overlay_file(item), pixels, prediction.labels);
  }
  if (!probabilities_.empty()) {
    write_image(probability_file(item), prediction.probabilities, item.info);
  }
  if (!instances_.empty()) {
    write_image(instance_file(item), prediction.ids, item.info);
  }
  write_image(label_file(item), prediction.labels, item.info);
}

}  // namespace retina::pipeline
