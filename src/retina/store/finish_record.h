#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retina/core/json.h"

namespace retina::store {

/// Outputs of one job that get their final names one after the other. A hidden file beside the
/// first of them tells a later run of the same job which ones an earlier run has finished, so that
/// a job that is killed between two of them is not refused, and repeats nothing.
///
///     FinishRecord record(outputs, key);
///     ... create and write those that are not record.is_finished() ...
///     record.begin();      // all are complete under their unfinished names
///     ... finish() them ...
///     record.remove();
class FinishRecord {
 public:
  /// `key` names the job, as CreateOptions::resume_key does.
  FinishRecord(std::vector<std::string> outputs, std::string key);

  /// True if an earlier run of this job was allowed to write the outputs: what is there is its own.
  bool is_ours() const { return is_ours_; }
  /// True if an earlier run of this job had written everything: what is not finished by now is
  /// complete under its unfinished name.
  bool resumes() const { return resumes_; }
  /// True if an earlier run of this job gave `output` its final name.
  bool is_finished(const std::string& output) const;

  void begin();
  void remove();

 private:
  /// True if the record says of `output` that it may become the file or folder of this identity.
  bool knows(const std::string& output, const Json& identity) const;

  std::vector<std::string> outputs_;
  std::string key_;
  std::filesystem::path file_;
  Json identities_;  ///< of the outputs in the record, by name
  bool is_ours_ = false;
  bool resumes_ = false;
  std::vector<std::string> finished_before_;
};

}  // namespace retina::store
