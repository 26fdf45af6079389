#include "retina/core/error.h"

namespace retina {

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::internal:
      return 1;
    case ErrorKind::usage:
      return 2;
    case ErrorKind::bad_data:
      return 3;
    case ErrorKind::resource:
      return 4;
    case ErrorKind::interrupted:
      return 5;
  }
  return 1;
}

std::string to_string(const Problem& problem) {
  std::string text = problem.subject;
  const auto add = [&text](std::string_view separator, std::string_view prefix,
                           const std::string& part) {
    if (!part.empty()) {
      text += text.empty() ? "" : separator;
      text += prefix;
      text += part;
    }
  };
  add(": ", "", problem.found);
  add(", ", "expected ", problem.expected);
  add("; ", "", problem.remedy);
  return text;
}

Error::Error(ErrorKind kind, const std::string& message)
    : std::runtime_error(message), kind_(kind) {}

Error::Error(ErrorKind kind, const Problem& problem) : Error(kind, to_string(problem)) {}

Error Error::within(std::string_view context) const {
  return Error(kind_, std::string(context) + ": " + what());
}

Error Error::with_remedy(std::string_view remedy) const {
  return Error(kind_, std::string(what()) + "; " + std::string(remedy));
}

std::string list_problems(std::string_view headline, const std::vector<Problem>& problems,
                          std::string_view remedy) {
  std::string text(headline);
  if (problems.size() == 1) {
    text += ": " + to_string(problems.front());
    return remedy.empty() ? text : text.append("; ").append(remedy);
  }
  text += " (" + std::to_string(problems.size()) + "):";
  for (const Problem& problem : problems) {
    text += "\n  - " + to_string(problem);
  }
  return remedy.empty() ? text : text.append("\n  ").append(remedy);
}

void throw_if_any(ErrorKind kind, std::string_view headline, const std::vector<Problem>& problems,
                  std::string_view remedy) {
  if (!problems.empty()) {
    throw Error(kind, list_problems(headline, problems, remedy));
  }
}

}  // namespace retina
