#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

namespace spdlog {
class logger;
}

namespace retina::core {

/// Unit of a job that ends when its time is up.
inline constexpr std::string_view kSecondsUnit = "seconds";

/// Receives the state of one long job. The library reports to it; the program draws it.
class Progress {
 public:
  virtual ~Progress() = default;
  /// Starts a job of `total` units ("windows", "steps", "MiB"); total 0 = not known. Of a job that
  /// goes on, `done` units were finished before and say nothing of its speed.
  virtual void begin(std::string_view job, std::int64_t total, std::string_view unit,
                     std::int64_t done = 0) = 0;
  /// `done` units are finished in all; `note` is a short text such as "loss 0.41".
  virtual void update(std::int64_t done, std::string_view note = {}) = 0;
  virtual void end() = 0;
};

/// What to do after a stop: of what finds its own work again, and of what starts over.
inline constexpr std::string_view kContinueHint = "run the same command again to continue";
inline constexpr std::string_view kRerunHint = "run the same command again";

/// Throws Error{interrupted} with `resume_hint` if a stop was requested.
void check_stop(const std::stop_token& stop, std::string_view resume_hint = kContinueHint);

/// What a long-running function may use of the outside: the log, the progress display, the clock,
/// the wish to stop. Passed by reference as the last argument of every pipeline function.
struct Context {
  std::shared_ptr<spdlog::logger> log;  ///< never null (see silent_context)
  std::shared_ptr<Progress> progress;   ///< never null
  std::stop_token
      stop;  ///< set by Ctrl-C / SIGTERM: finish the block, checkpoint, throw interrupted

  /// core::check_stop() of this stop.
  void check_stop(std::string_view resume_hint = kContinueHint) const;
};

/// A context that logs nowhere and shows nothing: for tests and library users.
Context silent_context();

/// The same context with a log that tells warnings and errors alone.
Context with_warnings_alone(const Context& context);

}  // namespace retina::core
