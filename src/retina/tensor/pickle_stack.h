#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "retina/tensor/pickle.h"

namespace retina::tensor {

/// The stack, marks and memo that a pickle's instructions work on, within limits on what they can
/// make it hold; bad_data naming the file for operands that are not there or of another kind.
/// What an instruction does last returns true: that it was a known one.
class PickleStack {
 public:
  /// `file` is used in messages.
  explicit PickleStack(std::string file);

  bool push(decltype(PickleValue::value) value, int depth = 0);
  bool push_tuple(PickleList items);

  PickleValue pop();
  /// The topmost values, the top one last.
  PickleList pop_several(std::size_t count);

  /// Marks the beginning of a list: pop() takes nothing from below it.
  bool mark();
  /// The values above the last mark, which is removed.
  PickleList pop_to_mark();

  /// `what` names the kind in messages.
  template <class T>
  T pop_as(const char* what) {
    PickleValue value = pop();
    T* found = value.as<T>();
    if (found == nullptr) {
      fail_without(what);
    }
    return std::move(*found);
  }

  template <class T>
  T& top_as(const char* what) {
    T* found = stack_.empty() ? nullptr : stack_.back().as<T>();
    if (found == nullptr) {
      fail_without(what);
    }
    return *found;
  }

  /// Keys and values by turns, for the dictionary on top.
  bool set_items(PickleList items);
  /// For the list on top.
  bool append_items(PickleList items);

  /// Keeps the top value in the memo if it is small; of another one only that it was there: what is
  /// shared could be made to grow without limit.
  bool remember(std::uint32_t index);
  /// The same under the number of indices in use.
  bool remember_next();
  /// Pushes what is kept under `index`.
  bool recall(std::uint32_t index);

 private:
  [[noreturn]] void fail_without(const char* what) const;

  void require_room(std::int64_t values = 1);

  /// `value` is copied: an instruction of a byte or two must not make much of it.
  void count_copy(const PickleValue& value);

  /// The container on top of the stack is to hold `items`.
  void deepen(const PickleList& items);

  std::string file_;
  std::int64_t values_ = 0;
  std::size_t copied_bytes_ = 0;
  std::vector<PickleValue> stack_;
  std::vector<std::size_t> marks_;
  std::map<std::uint32_t, std::optional<PickleValue>> memo_;
};

}  // namespace retina::tensor
