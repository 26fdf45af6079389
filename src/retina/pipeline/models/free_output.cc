#include "retina/pipeline/models/free_output.h"

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

/// False if there is nothing; usage error for what is there and is to stay.
bool is_to_be_replaced(const std::string& output, bool overwrite) {
  if (!fs::exists(output)) {
    return false;
  }
  if (!overwrite) {
    throw Error(ErrorKind::usage, Problem{.subject = output,
                                          .found = "exists",
                                          .expected = "a new output",
                                          .remedy = "give --overwrite"});
  }
  return true;
}

Error other_kind(const std::string& output, const char* found, const char* expected) {
  return Error(ErrorKind::usage, Problem{.subject = output,
                                         .found = found,
                                         .expected = expected,
                                         .remedy = "choose another output"});
}

}  // namespace

void require_free_folder(const std::string& output, bool overwrite) {
  if (!is_to_be_replaced(output, overwrite)) {
    return;
  }
  if (!is_empty_or_model(output)) {
    throw other_kind(output, "something that is no model folder", "a model folder to overwrite");
  }
  store::refuse_foreign(output, entries_of_no_model(output));
}

void require_free_file(const std::string& output, bool overwrite) {
  if (is_to_be_replaced(output, overwrite) && !fs::is_regular_file(output)) {
    throw other_kind(output, "no plain file", "a file to overwrite");
  }
}

}  // namespace retina::pipeline
