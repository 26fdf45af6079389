#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "retina/core/progress.h"

namespace retina::testing {

/// Keeps the notes of the updates of all jobs.
class NoteList final : public core::Progress {
 public:
  void begin(std::string_view, std::int64_t, std::string_view, std::int64_t) override {}
  void update(std::int64_t, std::string_view note) override { notes.emplace_back(note); }
  void end() override {}

  std::vector<std::string> notes;
};

}  // namespace retina::testing
