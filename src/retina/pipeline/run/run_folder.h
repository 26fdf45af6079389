#pragma once

#include <filesystem>
#include <string_view>

#include "retina/core/json.h"
#include "retina/core/progress.h"

namespace retina::pipeline {

enum class RunStart {
  fresh,
  resume,
  overwrite,
  follow  ///< another process of the run writes; this one only reads
};

/// The folder of a training run. A new run is made beside its name and takes the name once options
/// and data have proved good; a run that it replaces is kept aside until the new one has done its
/// first step, and comes back if that fails.
class RunFolder {
 public:
  /// Mends what a kill left first. usage error if `run` exists and is neither resumed, followed nor
  /// a run to overwrite.
  RunFolder(const std::filesystem::path& run, RunStart start);
  /// Removes what was never established or kept, and puts a replaced run back.
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  /// Where the files are at present: under the run's name after place().
  const std::filesystem::path& path() const { return placed_ ? run_ : aside_; }
  std::filesystem::path checkpoints() const { return path() / "checkpoints"; }
  std::filesystem::path model() const { return path() / "model"; }

  void write_config(const Json& config) const;
  /// The caller's context with the log also written to log.txt of the run.
  core::Context with_log_file(const core::Context& context) const;

  /// Gives the new run its name; what had it before is set aside.
  void place();
  /// The new run works: what it replaced is removed.
  void establish();
  /// Leaves everything as it is: the run was interrupted and will be resumed.
  void keep() { kept_ = true; }

 private:
  std::filesystem::path run_;
  std::filesystem::path aside_;
  bool placed_ = false;
  bool established_ = false;
  bool kept_ = false;
};

/// Mends a run folder that a kill left between two renames; nothing if all is well.
void recover_run(const std::filesystem::path& run);

/// usage error if `run` exists and is neither to be resumed nor a run to overwrite. Writes nothing.
void require_free_run(const std::filesystem::path& run, RunStart start);

/// RUN/config.yaml.
std::filesystem::path run_config_path(const std::filesystem::path& run);

}  // namespace retina::pipeline
