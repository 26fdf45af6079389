#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retina/core/array.h"
#include "retina/core/progress.h"
#include "retina/pipeline/predict/image_prediction.h"
#include "retina/pipeline/predict/image_set.h"
#include "retina/store/finish_record.h"

namespace retina::pipeline {

/// Where the results of a set go: a file for each image in folders under their unfinished names,
/// which become folders or packs when all are there. The setup must outlive it.
class ImageSetFolders {
 public:
  ImageSetFolders(const PredictionSetup& setup, std::string output);

  const std::string& output() const { return output_; }

  /// Final names of all that are wanted.
  std::vector<std::string> all() const;

  /// Makes the unfinished folders, or finds those of the plan that `key` names. usage error for
  /// what must not be replaced.
  void prepare(const std::string& key, const store::FinishRecord& record);

  /// True if all results of `item` are there.
  bool is_done(const ImageItem& item) const;

  /// `pixels`: of the image, u8.
  void write(const ImageItem& item, const core::Array& pixels,
             const ImagePrediction& prediction) const;

  /// Of the results of single images one pack, in its unfinished folder.
  void join_parts(const std::vector<ImageItem>& items, const core::Context& context) const;

  /// Gives the folders their names and notes those beside the labels in the report.
  void finish(PredictReport& report, const store::FinishRecord& record) const;

 private:
  std::string probabilities_folder() const;
  std::string instances_folder() const;
  std::filesystem::path prepare_folder(const std::string& final_path, const std::string& key,
                                       const store::FinishRecord& record) const;
  std::filesystem::path file_in(const std::filesystem::path& folder, const ImageItem& item,
                                const char* extension) const;
  std::filesystem::path label_file(const ImageItem& item) const;
  std::filesystem::path probability_file(const ImageItem& item) const;
  std::filesystem::path instance_file(const ImageItem& item) const;
  std::filesystem::path overlay_file(const ImageItem& item) const;
  bool holds(const std::filesystem::path& folder, const std::filesystem::path& file) const;

  const PredictionSetup& setup_;
  std::string output_;
  bool is_pack_;  ///< labels and probabilities become packs, not folders of files
  std::filesystem::path labels_;
  std::filesystem::path probabilities_;  ///< empty = not wanted
  std::filesystem::path overlay_;        ///< empty = not wanted
  std::filesystem::path instances_;      ///< empty = not wanted
};

}  // namespace retina::pipeline
