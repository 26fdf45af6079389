#include "retina/engine/sum_store.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "retina/core/file.h"

namespace retina::engine {

namespace fs = std::filesystem;

namespace {

constexpr const char* kJournal = "journal";

}  // namespace

SumStore::SumStore(const SumStoreOptions& options) : options_(options) {
  if (options_.folder.empty()) {
    sums_ = core::in_memory(core::Array(core::DType::u8, options_.channels, options_.shape));
    return;
  }
  read_journal();
}

void SumStore::read_journal() {
  const fs::path journal = options_.folder / kJournal;
  std::ifstream in(journal);
  std::string line;
  std::string kept = options_.key + "\n";
  if (!options_.key.empty() && std::getline(in, line) && line == options_.key) {
    while (std::getline(in, line) && !in.eof()) {  // a last line without its end is half a line
      int pass = 0;
      std::int64_t block = 0;
      if (std::istringstream(line) >> pass >> block) {
        added_.emplace(pass, block);
        kept += fmt::format("{} {}\n", pass, block);
      }
    }
  }
  in.close();
  if (added_.empty() || !has_sums_of(added_.rbegin()->first)) {
    added_.clear();
    kept = options_.key + "\n";
    fs::remove_all(options_.folder);
    fs::create_directories(options_.folder);
  }
  core::write_atomically(journal, kept);
}

/// A journal without the sums that it speaks of is worth nothing.
bool SumStore::has_sums_of(int pass) const {
  std::error_code absent;
  const std::uintmax_t bytes = fs::file_size(file_of(pass), absent);
  return !absent &&
         std::cmp_equal(bytes, ScratchVolume::file_bytes(options_.channels, options_.shape));
}

void SumStore::record(int pass, std::int64_t block) {
  std::ofstream journal(options_.folder / kJournal, std::ios::app);
  journal << fmt::format("{} {}\n", pass, block) << std::flush;
  if (!journal) {
    throw Error(ErrorKind::resource,
                Problem{.subject = fmt::format("'{}'", (options_.folder / kJournal).string()),
                        .found = "it cannot be written",
                        .expected = {},
                        .remedy = "free disk space beside the output"});
  }
}

fs::path SumStore::file_of(int pass) const {
  return options_.folder / fmt::format("sum_{}.u8", pass);
}

bool SumStore::is_added(int pass, std::int64_t block) const {
  return added_.contains({pass, block});
}

void SumStore::add(int pass, std::int64_t block, const core::Box3& box, const core::Array& shares) {
  core::Array total = shares;
  add_to(total, box);
  if (options_.folder.empty()) {
    sums_->write(box, total);
    return;
  }
  if (!next_) {
    next_ = std::make_unique<ScratchVolume>(file_of(pass), options_.channels, options_.shape);
  }
  next_->write(box, total);
  next_->sync();
  record(pass, block);
}

void SumStore::finish_pass(int pass) {
  if (options_.folder.empty()) {
    return;
  }
  next_.reset();
  are_sums_kept_ =
      has_sums_of(pass);  // gone where a later pass is complete, which reads them no more
  sums_ = are_sums_kept_
              ? std::make_unique<ScratchVolume>(file_of(pass), options_.channels, options_.shape)
              : nullptr;
  if (pass > 0) {
    fs::remove(file_of(pass - 1));
  }
}

void SumStore::add_to(core::Array& shares, const core::Box3& box) const {
  if (!are_sums_kept_) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = fmt::format("'{}'", options_.folder.string()),
                        .found = "the sums of a pass that its journal counts as complete are gone",
                        .expected = {},
                        .remedy = "run the command again with --overwrite"});
  }
  if (!sums_) {
    return;
  }
  const core::Array before = sums_->read(box);
  const auto in = before.values<std::uint8_t>();
  const auto out = shares.values<std::uint8_t>();
  std::transform(in.begin(), in.end(), out.begin(), out.begin(),
                 [](std::uint8_t a, std::uint8_t b) { return static_cast<std::uint8_t>(a + b); });
}

void SumStore::remove() {
  sums_.reset();
  next_.reset();
  if (!options_.folder.empty()) {
    fs::remove_all(options_.folder);
  }
}

}  // namespace retina::engine
