#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "retina/core/progress.h"

namespace retina::pipeline {

/// One more process of this program.
struct OwnCopy {
  std::vector<std::string> arguments;  ///< at the end of this process's own
  std::filesystem::path log;           ///< what it says is appended; results are not printed
};

/// Runs this process's own command line once more for each of `copies`, all at once. Returns when
/// all have ended, with how each did: nothing for success, else "exit code 3" or "signal 9". A stop
/// request is passed on to them, and so is this process's death. `meanwhile` is called several
/// times a second until they have ended.
std::vector<std::string> run_own_copies(const std::vector<OwnCopy>& copies,
                                        const core::Context& context,
                                        const std::function<void()>& meanwhile);

}  // namespace retina::pipeline
