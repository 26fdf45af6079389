#include "retina/pipeline/models/model_output.h"

#include <filesystem>
#include <string>
#include <vector>

#include "retina/core/error.h"
#include "retina/model/model.h"
#include "retina/store/output.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

/// What an import may take the place of.
bool is_empty_or_model(const fs::path& output) {
  return fs::is_directory(output) &&
         (fs::is_empty(output) || fs::exists(output / model::kCardFile));
}

std::vector<std::string> entries_of_no_model(const fs::path& folder) {
  return store::foreign_entries(folder, [](const fs::directory_entry& entry) {
    const fs::path name = entry.path().filename();
    return name == model::kCardFile || name == model::kWeightsFile;
  });
}

}  // namespace

void require_free_output(const ModelsOptions& options) {
  const fs::path output = options.output;
  if (!fs::exists(output)) {
    return;
  }
  if (!options.overwrite) {
    throw Error(ErrorKind::usage, Problem{.subject = options.output,
                                          .found = "exists",
                                          .expected = "a new output",
                                          .remedy = "give --overwrite"});
  }
  const bool imports = options.action == ModelsAction::import;
  const bool replaceable = imports ? is_empty_or_model(output) : fs::is_regular_file(output);
  if (!replaceable) {
    throw Error(ErrorKind::usage,
                Problem{.subject = options.output,
                        .found = imports ? "something that is no model folder" : "no plain file",
                        .expected = imports ? "a model folder to overwrite" : "a file to overwrite",
                        .remedy = "choose another output"});
  }
  if (imports) {
    store::refuse_foreign(output, entries_of_no_model(output));
  }
}

}  // namespace retina::pipeline
