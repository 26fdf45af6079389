#include "retina/cli/parse.h"

#include <algorithm>
#include <cstdio>
#include <deque>
#include <map>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/cli/yaml.h"
#include "retina/core/error.h"
#include "retina/core/version.h"

namespace retina::cli {
namespace {

/// Where CLI11 leaves what it read for one verb.
struct Received {
  const Command* command = nullptr;
  CLI::App* app = nullptr;
  std::map<std::string, std::vector<std::string>> values;
  std::map<std::string, bool> switches;
  std::string config;
  std::vector<std::string> sets;
  bool json = false;
  bool quiet = false;
  bool no_progress = false;
};

std::string type_name(const Flag& flag) {
  if (flag.kind == FlagKind::choice) {
    return fmt::format("{}", fmt::join(flag.choices, "|"));
  }
  const std::string base = flag.kind == FlagKind::number ? "N" : "TEXT";
  return flag.is_list ? base + ",..." : base;
}

std::string off_name(const Flag& flag) {
  return "--no-" + flag.name().substr(2);
}

std::string help_text(const Flag& flag) {
  if (flag.default_text.empty()) {
    return flag.help;
  }
  const std::string off =
      flag.kind == FlagKind::flag ? "; " + off_name(flag) + " switches it off" : "";
  return flag.help + " [" + flag.default_text + off + "]";
}

void add_flag(Received& verb, const Flag& flag) {
  const bool positional =
      std::find(verb.command->positionals.begin(), verb.command->positionals.end(), flag.key) !=
      verb.command->positionals.end();
  if (flag.kind == FlagKind::flag) {
    verb.app->add_flag(flag.name() + ",!" + off_name(flag), verb.switches[flag.key],
                       help_text(flag));
    return;
  }
  std::string names = flag.name();
  names += flag.key == "output" ? ",-o" : "";
  names += positional ? "," + flag.key : "";
  CLI::Option* option = verb.app->add_option(names, verb.values[flag.key], help_text(flag));
  option->type_name(type_name(flag));
  // Other flags would swallow the positional after their value; a list is given by commas, or
  // again.
  const bool takes_many = positional && flag.is_list;
  option->expected(1, takes_many ? 1000000 : 1);
  option->allow_extra_args(takes_many);
  if (!takes_many) {
    option->multi_option_policy(flag.is_list ? CLI::MultiOptionPolicy::TakeAll
                                             : CLI::MultiOptionPolicy::TakeLast);
  }
}

void add_common(Received& verb) {
  verb.app
      ->add_option("-c,--config", verb.config, "YAML or JSON file of options; flags override it")
      ->type_name("FILE");
  verb.app
      ->add_option("--set", verb.sets,
                   "one option by its path, such as optimizer.learning_rate=0.001")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb.app->add_flag("--json", verb.json, "end standard output with one JSON object");
  verb.app->add_flag("--quiet", verb.quiet, "log warnings and errors only");
  verb.app->add_flag("--no-progress", verb.no_progress, "no progress display");
}

Json configuration_of(const Received& verb) {
  Json configuration = verb.config.empty() ? Json::object() : read_config(verb.config);
  for (const std::string& assignment : verb.sets) {
    configuration = core::merge(configuration, set_value(assignment));
  }
  for (const Flag& flag : verb.command->flags) {
    if (flag.kind == FlagKind::flag) {
      if (verb.app->get_option(flag.name())->count() > 0) {
        configuration[flag.key] = verb.switches.at(flag.key);
      }
    } else if (const auto& texts = verb.values.at(flag.key); !texts.empty()) {
      configuration[flag.key] = flag_value(flag, texts);
    }
  }
  return configuration;
}

std::vector<std::string> verb_names(const std::vector<Command>& commands) {
  std::vector<std::string> names;
  for (const Command& command : commands) {
    names.push_back(command.name);
  }
  return names;
}

void require_known_verb(const std::vector<Command>& commands,
                        const std::vector<std::string>& arguments) {
  const std::vector<std::string> names = verb_names(commands);
  if (arguments.empty() || arguments.front().starts_with("-") ||
      std::find(names.begin(), names.end(), arguments.front()) != names.end()) {
    return;
  }
  throw Error(ErrorKind::usage, Problem{.subject = "'" + arguments.front() + "'",
                                        .found = "not a verb",
                                        .remedy = core::suggestion(arguments.front(), names)});
}

/// CLI11 names the flag it did not know; say which known one is near.
[[noreturn]] void fail_parse(const CLI::ParseError& error, const std::deque<Received>& verbs) {
  std::string remedy = "see --help";
  for (const Received& verb : verbs) {
    if (!verb.app->parsed()) {
      continue;
    }
    remedy = fmt::format("see retina {} --help", verb.command->name);
    std::vector<std::string> known;
    for (const Flag& flag : verb.command->flags) {
      known.push_back(flag.name());
    }
    for (const std::string& extra : verb.app->remaining()) {
      if (extra.starts_with("--")) {
        const std::string hint = core::suggestion(extra.substr(0, extra.find('=')), known);
        remedy = hint.starts_with("did") ? hint : remedy;
      }
    }
  }
  throw Error(ErrorKind::usage, Problem{.subject = error.what(), .remedy = remedy});
}

}  // namespace

std::optional<Invocation> parse(const std::vector<Command>& commands,
                                const std::vector<std::string>& arguments) {
  require_known_verb(commands, arguments);
  CLI::App app("From raw volume electron microscopy to measured organelles.", "retina");
  app.set_version_flag("--version", fmt::format("retina {}", core::kProgramVersion));
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  std::deque<Received> verbs;  // a deque: CLI11 keeps pointers to the members
  for (const Command& command : commands) {
    Received& verb = verbs.emplace_back();
    verb.command = &command;
    verb.app = app.add_subcommand(command.name, command.summary);
    for (const Flag& flag : command.flags) {
      add_flag(verb, flag);
    }
    add_common(verb);
  }
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help, --version
      app.exit(error);
      return std::nullopt;
    }
    if (arguments.empty()) {
      std::fputs(app.help().c_str(), stdout);
      return std::nullopt;
    }
    fail_parse(error, verbs);
  }
  for (const Received& verb : verbs) {
    if (verb.app->parsed()) {
      return Invocation{.command = verb.command,
                        .configuration = configuration_of(verb),
                        .config = verb.config,
                        .json = verb.json,
                        .quiet = verb.quiet,
                        .no_progress = verb.no_progress};
    }
  }
  throw Error(ErrorKind::internal, "no verb was parsed");
}

std::string markdown_reference(const std::vector<Command>& commands) {
  std::string text =
      "# Command line\n\n"
      "Generated from the option structs by `retina reference`; a test compares it. Every verb "
      "also takes\n"
      "`--config FILE`, `--set KEY=VALUE`, `--json`, `--quiet` and `--no-progress`. Options that "
      "are tables are set in\n"
      "the configuration file or with `--set table.key=value`. `--no-FLAG` switches off a flag "
      "without a value,\n"
      "such as one whose default is `on`.\n"
      "Exit codes: 0 ok, 2 usage, 3 bad data, 4 out of a resource, 5 interrupted but resumable, 1 "
      "anything else.\n";
  for (const Command& command : commands) {
    std::string positional;
    for (const std::string& key : command.positionals) {
      positional += fmt::format(" [{}]", key);
    }
    text += fmt::format("\n## `retina {}{}`\n\n{}\n\n| flag | default | meaning |\n|---|---|---|\n",
                        command.name, positional, command.summary);
    for (const Flag& flag : command.flags) {
      const std::string type = flag.kind == FlagKind::flag ? "" : " " + type_name(flag);
      std::string cell = fmt::format("`{}{}`", flag.name(), type);
      for (std::size_t bar = cell.find('|'); bar != std::string::npos;
           bar = cell.find('|', bar + 2)) {
        cell.replace(bar, 1, "\\|");
      }
      text += fmt::format("| {} | {} | {} |\n", cell, flag.default_text, flag.help);
    }
  }
  return text;
}

}  // namespace retina::cli
