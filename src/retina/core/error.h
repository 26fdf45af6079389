#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace retina {

/// What went wrong, in the classes that decide the exit code (design: command line).
enum class ErrorKind {
  internal,     ///< exit 1: a defect of the program
  usage,        ///< exit 2: flags or configuration
  bad_data,     ///< exit 3: a file or its content
  resource,     ///< exit 4: memory, disk space, device
  interrupted,  ///< exit 5: stopped on request, resumable
};

int exit_code(ErrorKind kind);

/// The four parts of every message: what it is about, what was found, what was expected, what to
/// do. Empty parts are left out.
struct Problem {
  std::string subject = {};
  std::string found = {};
  std::string expected = {};
  std::string remedy = {};
};

std::string to_string(const Problem& problem);

/// The one error channel of the library.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message);
  Error(ErrorKind kind, const Problem& problem);

  ErrorKind kind() const { return kind_; }

  /// The same error with `context` put in front, as it travels up: "context: message".
  Error within(std::string_view context) const;
  /// The same error with what to do about it, which the catcher knows best: "message; remedy".
  Error with_remedy(std::string_view remedy) const;

 private:
  ErrorKind kind_;
};

/// The headline with what is wrong, one problem a line where there are several, and what to do
/// about all of them.
std::string list_problems(std::string_view headline, const std::vector<Problem>& problems,
                          std::string_view remedy = {});

/// One error that lists the problems; does nothing for an empty list.
void throw_if_any(ErrorKind kind, std::string_view headline, const std::vector<Problem>& problems,
                  std::string_view remedy = {});

}  // namespace retina
