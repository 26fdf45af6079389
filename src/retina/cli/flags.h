#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "retina/core/json.h"
#include "retina/core/options.h"

namespace retina::cli {

/// What a flag's text becomes in the configuration.
enum class FlagKind { flag, number, text, choice };

/// One command-line flag, derived from a field of an option struct: `voxel_nm` becomes --voxel-nm.
struct Flag {
  std::string key;  ///< field name
  std::string help;
  FlagKind kind = FlagKind::text;
  bool is_list = false;              ///< several values: --classes a,b or --classes a --classes b
  std::vector<std::string> choices;  ///< of an enum
  std::string default_text;          ///< "" where there is none worth telling

  std::string name() const;  ///< "--voxel-nm"
};

/// The JSON value of a flag given as `texts`; usage error naming the flag for text that does not
/// fit.
Json flag_value(const Flag& flag, const std::vector<std::string>& texts);

/// "a.b.c=value" as nested JSON; the value is read as JSON, else as text. Usage error without '='.
Json set_value(std::string_view assignment);

template <class T>
struct FlagTraits {
  static constexpr bool kFlaggable =
      std::is_same_v<T, std::string> || std::is_arithmetic_v<T> || core::OptionEnum<T>;
  static void describe(Flag& flag) {
    if constexpr (std::is_same_v<T, bool>) {
      flag.kind = FlagKind::flag;
    } else if constexpr (std::is_arithmetic_v<T>) {
      flag.kind = FlagKind::number;
    } else if constexpr (core::OptionEnum<T>) {
      flag.kind = FlagKind::choice;
      flag.choices = core::enum_names<T>();
    }
  }
};

template <class T>
struct FlagTraits<std::optional<T>> : FlagTraits<T> {};

template <class T>
struct FlagTraits<std::vector<T>> {
  static constexpr bool kFlaggable = FlagTraits<T>::kFlaggable;
  static void describe(Flag& flag) {
    FlagTraits<T>::describe(flag);
    flag.is_list = true;
  }
};

/// A default as a user would write it; "on" for a switch that is on, "" for one that is off, and
/// where there is nothing to tell.
std::string default_text(const Json& value);

/// The flags of an option struct: its scalar and list fields. Nested structs are reached by
/// --config and --set.
template <core::OptionStruct T>
std::vector<Flag> flags_of() {
  std::vector<Flag> flags;
  const T defaults{};
  T::fields(defaults, [&](std::string_view key, const auto& field, std::string_view help) {
    using Field = std::remove_cvref_t<decltype(field)>;
    if constexpr (requires { FlagTraits<Field>::kFlaggable; }) {
      if constexpr (FlagTraits<Field>::kFlaggable) {
        Flag flag{
            .key = std::string(key), .help = std::string(help), .choices = {}, .default_text = {}};
        FlagTraits<Field>::describe(flag);
        flag.default_text = default_text(core::to_json_value(field));
        flags.push_back(std::move(flag));
      }
    }
  });
  return flags;
}

}  // namespace retina::cli
