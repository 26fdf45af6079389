#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/json.h"

/// Binding of option structs to JSON, YAML and flags.
///
/// An option struct is an aggregate with defaults and one function that names its fields:
///
///     struct CropOptions {
///       int size = 224;
///       std::optional<double> probability;
///       template <class Self, class Visitor>
///       static void fields(Self& self, Visitor&& visit) {
///         visit("size", self.size, "side of the crop in pixels");
///         visit("probability", self.probability, "chance of a crop around foreground, 0 to 1");
///       }
///       std::vector<Problem> validate() const;   // optional; all problems at once
///     };
///
/// An enum takes part through `enum_table(E)` found by argument-dependent lookup:
///
///     constexpr EnumTable<Blend, 2> enum_table(Blend) { return {{{Blend::constant, "constant"},
///     ...}}; }
///
/// Fields may be bool, integers, floating point, std::string, enums, option structs, and
/// std::optional, std::vector or std::map<std::string, T> of these, or Json: a table whose keys
/// somebody else checks. Keys are snake_case in files and kebab-case as flags.
namespace retina::core {

template <class E, std::size_t N>
using EnumTable = std::array<std::pair<E, std::string_view>, N>;

struct NoVisit {
  template <class T>
  void operator()(std::string_view, T&, std::string_view) const {}
};

template <class T>
concept OptionStruct = requires(T& t) {
  T::fields(t, NoVisit{});
};
template <class T>
concept OptionEnum = std::is_enum_v<T> && requires(T t) {
  enum_table(t);
};

/// "did you mean 'x'?" for the nearest of `known`, or a list of all of them.
std::string suggestion(std::string_view found, const std::vector<std::string>& known);

[[noreturn]] void fail_value(const std::string& where, const Json& found,
                             std::string_view expected);

inline bool is_whole_float(const Json& json) {
  return json.is_number_float() && std::floor(json.get<double>()) == json.get<double>();
}

/// For what whole_number_in() has refused.
[[noreturn]] void fail_whole_number(const std::string& where, const Json& found,
                                    std::int64_t smallest, std::uint64_t largest);

/// Keys that nobody knows, of a table and of the tables in it.
class UnknownKeys : public Error {
 public:
  explicit UnknownKeys(std::vector<Problem> problems);
  const std::vector<Problem>& problems() const { return problems_; }

 private:
  std::vector<Problem> problems_;
};

/// One of them: an unknown key of the table at `where`.
Problem unknown_key(const std::string& where, const std::string& found,
                    const std::vector<std::string>& known);

template <OptionEnum E>
std::string enum_name(E value) {
  for (const auto& [e, name] : enum_table(value)) {
    if (e == value) {
      return std::string(name);
    }
  }
  throw Error(ErrorKind::internal, "enum value without a name");
}

template <OptionEnum E>
std::vector<std::string> enum_names() {
  std::vector<std::string> names;
  for (const auto& entry : enum_table(E{})) {
    names.emplace_back(entry.second);
  }
  return names;
}

template <class T>
struct JsonBinding;

template <class T>
Json to_json_value(const T& value) {
  return JsonBinding<T>::write(value);
}

/// Reads `json` over the present value of `out`; `where` is the dotted path for messages.
template <class T>
void from_json_value(T& out, const Json& json, const std::string& where) {
  JsonBinding<T>::read(out, json, where);
}

template <>
struct JsonBinding<bool> {
  static Json write(bool v) { return v; }
  static void read(bool& out, const Json& j, const std::string& where) {
    if (!j.is_boolean()) {
      fail_value(where, j, "true or false");
    }
    out = j.get<bool>();
  }
};

/// `json` as a T; none where it is not a whole number (4.0 is one) or T cannot hold it.
template <std::integral T>
std::optional<T> whole_number_in(const Json& json) {
  const auto held = [](auto number) {
    return std::in_range<T>(number) ? std::optional(static_cast<T>(number)) : std::nullopt;
  };
  if (json.is_number_unsigned()) {
    return held(json.get<std::uint64_t>());
  }
  if (json.is_number_integer()) {
    return held(json.get<std::int64_t>());
  }
  const double number = is_whole_float(json) ? json.get<double>() : HUGE_VAL;
  if (number >= 0 && number < 0x1p64) {
    return held(static_cast<std::uint64_t>(number));
  }
  return number >= -0x1p63 && number < 0 ? held(static_cast<std::int64_t>(number)) : std::nullopt;
}

template <std::integral T>
requires(!std::same_as<T, bool>) struct JsonBinding<T> {
  static Json write(T v) { return v; }
  static void read(T& out, const Json& j, const std::string& where) {
    const std::optional<T> number = whole_number_in<T>(j);
    if (!number) {
      fail_whole_number(where, j, std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
    }
    out = *number;
  }
};

template <std::floating_point T>
struct JsonBinding<T> {
  static Json write(T v) { return v; }
  static void read(T& out, const Json& j, const std::string& where) {
    if (!j.is_number()) {
      fail_value(where, j, "a number");
    }
    out = j.get<T>();
  }
};

template <>
struct JsonBinding<std::string> {
  static Json write(const std::string& v) { return v; }
  static void read(std::string& out, const Json& j, const std::string& where) {
    if (!j.is_string()) {
      fail_value(where, j, "a text");
    }
    out = j.get<std::string>();
  }
};

template <>
struct JsonBinding<Json> {
  static Json write(const Json& v) { return v; }
  static void read(Json& out, const Json& j, const std::string& where) {
    if (!j.is_object()) {
      fail_value(where, j, "a table of key: value");
    }
    out = j;
  }
};

template <OptionEnum E>
struct JsonBinding<E> {
  static Json write(E v) { return enum_name(v); }
  static void read(E& out, const Json& j, const std::string& where) {
    const std::vector<std::string> known = enum_names<E>();
    if (j.is_string()) {
      for (const auto& [e, name] : enum_table(E{})) {
        if (j.get<std::string>() == name) {
          out = e;
          return;
        }
      }
      fail_value(where, j, suggestion(j.get<std::string>(), known));
    }
    fail_value(where, j, suggestion("", known));
  }
};

template <class T>
struct JsonBinding<std::optional<T>> {
  static Json write(const std::optional<T>& v) { return v ? to_json_value(*v) : Json(nullptr); }
  static void read(std::optional<T>& out, const Json& j, const std::string& where) {
    if (j.is_null()) {
      out.reset();
      return;
    }
    T value = out.value_or(T{});
    from_json_value(value, j, where);
    out = value;
  }
};

template <class T>
struct JsonBinding<std::vector<T>> {
  static Json write(const std::vector<T>& v) {
    Json list = Json::array();
    for (const T& item : v) {
      list.push_back(to_json_value(item));
    }
    return list;
  }
  /// A single value is read as a list of one.
  static void read(std::vector<T>& out, const Json& j, const std::string& where) {
    const Json list = j.is_array() ? j : Json::array({j});
    out.clear();
    for (std::size_t i = 0; i < list.size(); ++i) {
      T item{};
      from_json_value(item, list[i], fmt::format("{}[{}]", where, i));
      out.push_back(std::move(item));
    }
  }
};

template <class T>
struct JsonBinding<std::map<std::string, T>> {
  static Json write(const std::map<std::string, T>& v) {
    Json object = Json::object();
    for (const auto& [key, item] : v) {
      object[key] = to_json_value(item);
    }
    return object;
  }
  static void read(std::map<std::string, T>& out, const Json& j, const std::string& where) {
    if (!j.is_object()) {
      fail_value(where, j, "a table of name: value");
    }
    out.clear();
    for (const auto& [key, item] : j.items()) {
      from_json_value(out[key], item, fmt::format("{}.{}", where, key));
    }
  }
};

template <OptionStruct T>
struct JsonBinding<T> {
  static Json write(const T& v) {
    Json object = Json::object();
    T::fields(v, [&](std::string_view name, const auto& field, std::string_view) {
      object[std::string(name)] = to_json_value(field);
    });
    return object;
  }
  static void read(T& out, const Json& j, const std::string& where) {
    if (!j.is_object()) {
      fail_value(where.empty() ? "configuration" : where, j, "a table of key: value");
    }
    std::vector<std::string> known;
    std::vector<Problem> unknown;
    T::fields(out, [&](std::string_view name, auto& field, std::string_view) {
      known.emplace_back(name);
      if (const auto it = j.find(std::string(name)); it != j.end()) {
        read_field(field, *it,
                   where.empty() ? std::string(name) : fmt::format("{}.{}", where, name), unknown);
      }
    });
    for (const auto& [key, item] : j.items()) {
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        unknown.push_back(unknown_key(where, key, known));
      }
    }
    if (!unknown.empty()) {
      throw UnknownKeys(std::move(unknown));
    }
  }

 private:
  /// Unknown keys of a table do not hide those of the next one.
  template <class Field>
  static void read_field(Field& field, const Json& j, const std::string& where,
                         std::vector<Problem>& unknown) {
    if constexpr (OptionStruct<Field>) {
      try {
        from_json_value(field, j, where);
      } catch (const UnknownKeys& error) {
        unknown.insert(unknown.end(), error.problems().begin(), error.problems().end());
      }
    } else {
      from_json_value(field, j, where);
    }
  }
};

/// The struct as JSON, defaults included.
template <OptionStruct T>
Json options_to_json(const T& options) {
  return to_json_value(options);
}

/// `options` overlaid with `json`; unknown keys and wrong types are usage errors; runs validate()
/// where there is one.
template <OptionStruct T>
T options_from_json(const Json& json, T options = {}) {
  from_json_value(options, json, "");
  if constexpr (requires { options.validate(); }) {
    throw_if_any(ErrorKind::usage, "the configuration has problems", options.validate());
  }
  return options;
}

/// Deep merge: values of `over` replace those of `base`, tables merge key by key.
Json merge(Json base, const Json& over);

}  // namespace retina::core
