#include "retina/store/finish_record.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <sys/stat.h>

#include "retina/core/durable.h"
#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/core/lock.h"
#include "retina/store/output.h"
#include "retina/store/output_place.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

/// What stays the same when a file or folder is renamed; null if there is none.
Json identity_of(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return nullptr;
  }
  return {static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino)};
}

fs::path unfinished(const std::string& output) {
  return output_place(output).partial;
}

/// What may get the final name: the unfinished file or folder, or a file in that folder.
Json identities_of(const fs::path& path) {
  constexpr std::size_t kMostFiles = 8;         // a folder of many files is renamed as a whole
  Json all = Json::array({identity_of(path)});  // {x} alone is x to some compilers
  if (fs::is_directory(path)) {
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
      if (entry.is_regular_file() && all.size() <= kMostFiles) {
        all.push_back(identity_of(entry.path()));
      }
    }
  }
  return all;
}

fs::path finished(const std::string& output) {
  return output_place(output).final_path;
}

}  // namespace

FinishRecord::FinishRecord(std::vector<std::string> outputs, std::string key)
    : outputs_(std::move(outputs)),
      key_(std::move(key)),
      file_(unfinished(outputs_.front()).replace_extension(".finish")),
      identities_(Json::object()) {
  if (!fs::exists(file_)) {
    return;
  }
  const Json record = core::try_parse_json(core::read_text(file_)).value_or(Json());
  if (!record.is_object() || record.value("key", Json()) != key_ || !record.contains("outputs") ||
      !record["outputs"].is_object()) {
    return;  // of another job, which is over
  }
  is_ours_ = true;
  identities_ = record["outputs"];
  std::copy_if(outputs_.begin(), outputs_.end(), std::back_inserter(finished_before_),
               [&](const std::string& output) { return is_finished(output); });
  resumes_ = std::all_of(outputs_.begin(), outputs_.end(), [&](const std::string& output) {
    const auto known = identities_.find(output);
    return is_finished(output) ||
           (known != identities_.end() && known->is_array() && !known->empty() &&
            !known->front().is_null() && known->front() == identity_of(unfinished(output)));
  });
}

bool FinishRecord::knows(const std::string& output, const Json& identity) const {
  const auto known = identities_.find(output);
  return known != identities_.end() &&
         std::find(known->begin(), known->end(), identity) != known->end();
}

bool FinishRecord::is_finished(const std::string& output) const {
  const OutputPlace place = output_place(output);
  const Json identity = identity_of(place.final_path);
  if (identity.is_null() || knows(output, identity)) {
    return !identity.is_null();
  }
  // a file of several datasets is replaced as a whole when the next one is put into it
  return place.is_hdf5 && !place.inner.empty() && identities_.contains(output) &&
         !fs::exists(place.partial) &&
         std::any_of(outputs_.begin(), outputs_.end(), [&](const std::string& other) {
           return finished(other) == place.final_path && knows(other, identity);
         });
}

void FinishRecord::begin() {
  if (resumes_) {
    return;
  }
  Json record = {{"key", key_}, {"outputs", Json::object()}};
  for (const std::string& output : outputs_) {
    record["outputs"][output] = identities_of(unfinished(output));
  }
  core::write_atomically(file_, std::string_view(core::dump_json(record)));
}

void FinishRecord::remove() {
  for (const std::string& output : outputs_) {
    forget_resume_key(finished(output));  // of one that was killed between its rename and this
  }
  for (const std::string& output : finished_before_) {
    const OutputPlace place = output_place(output);
    // its file goes with it; an output that this process holds has its lock already
    if (const auto left_over = core::OutputLock::attempt(place.beside)) {
      core::discard(place.partial);
    }
  }
  fs::remove(file_);  // last: a later run that is killed on its way out goes on with the rest
}

}  // namespace retina::store
