#include "retina/tensor/pickle_stack.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace retina::tensor {
namespace {

// More than any network has; they bound what a hostile file can make the reader hold.
constexpr int kMaxDepth = 16;
constexpr std::int64_t kMaxValues = 1'000'000;
constexpr std::size_t kMaxSharedText = 256;
constexpr std::size_t kMaxCopiedText = std::size_t{64} << 20;

int depth_over(const PickleList& items) {
  int depth = 0;
  for (const PickleValue& item : items) {
    depth = std::max(depth, item.depth + 1);
  }
  return depth;
}

/// Bytes of the texts in a value, or in the items of a tuple.
std::size_t text_bytes(const PickleValue& value) {
  if (const auto* text = value.as<std::string>()) {
    return text->size();
  }
  if (const auto* storage = value.as<PickleStorage>()) {
    return storage->key.size();
  }
  std::size_t sum = 0;
  if (const auto* tuple = value.as<PickleTuple>()) {
    for (const PickleValue& item : tuple->items) {
      sum += text_bytes(item);
    }
  }
  return sum;
}

}  // namespace

PickleStack::PickleStack(std::string file) : file_(std::move(file)) {}

bool PickleStack::push(decltype(PickleValue::value) value, int depth) {
  if (depth > kMaxDepth) {
    fail_pickle(file_, "containers within containers, too deep");
  }
  require_room();
  stack_.push_back({std::move(value), depth});
  return true;
}

bool PickleStack::push_tuple(PickleList items) {
  const int depth = depth_over(items);
  return push(PickleTuple{std::move(items)}, depth);
}

PickleValue PickleStack::pop() {
  if (stack_.empty() || (!marks_.empty() && stack_.size() <= marks_.back())) {
    fail_pickle(file_, "an instruction without its operands");
  }
  PickleValue value = std::move(stack_.back());
  stack_.pop_back();
  return value;
}

PickleList PickleStack::pop_several(std::size_t count) {
  PickleList items(count);
  for (std::size_t i = count; i-- > 0;) {
    items[i] = pop();
  }
  return items;
}

bool PickleStack::mark() {
  marks_.push_back(stack_.size());
  return true;
}

PickleList PickleStack::pop_to_mark() {
  if (marks_.empty() || marks_.back() > stack_.size()) {
    fail_pickle(file_, "a list without a beginning");
  }
  const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  PickleList items(std::make_move_iterator(first), std::make_move_iterator(stack_.end()));
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

bool PickleStack::set_items(PickleList items) {
  auto& dict = top_as<PickleDict>("a dictionary");
  if (items.size() % 2 != 0) {
    fail_pickle(file_, "a key without a value");
  }
  deepen(items);
  for (std::size_t i = 0; i < items.size(); i += 2) {
    dict.items.push_back({.key = std::move(items[i]), .value = std::move(items[i + 1])});
  }
  return true;
}

bool PickleStack::append_items(PickleList items) {
  auto& list = top_as<PickleList>("a list");
  deepen(items);
  std::move(items.begin(), items.end(), std::back_inserter(list));
  return true;
}

bool PickleStack::remember(std::uint32_t index) {
  if (stack_.empty()) {
    fail_pickle(file_, "an instruction without its operands");
  }
  const PickleValue& top = stack_.back();
  const auto* tuple = top.as<PickleTuple>();
  const bool growing = top.as<PickleList>() != nullptr || top.as<PickleDict>() != nullptr ||
                       (tuple != nullptr && (top.depth > 1 || tuple->items.size() > 64)) ||
                       text_bytes(top) > kMaxSharedText;
  if (growing) {
    require_room();
  } else {
    count_copy(top);
  }
  memo_[index] = growing ? std::nullopt : std::optional(top);
  return true;
}

bool PickleStack::remember_next() {
  return remember(static_cast<std::uint32_t>(memo_.size()));
}

bool PickleStack::recall(std::uint32_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end() || !found->second) {
    fail_pickle(file_, "a reference to a container elsewhere in the file");
  }
  count_copy(*found->second);
  stack_.push_back(*found->second);
  return true;
}

void PickleStack::fail_without(const char* what) const {
  fail_pickle(file_, fmt::format("something else where {} must be", what));
}

void PickleStack::require_room(std::int64_t values) {
  values_ += values;
  if (values_ > kMaxValues) {
    fail_pickle(file_, fmt::format("over {} values", kMaxValues));
  }
}

void PickleStack::count_copy(const PickleValue& value) {
  const auto* tuple = value.as<PickleTuple>();
  require_room(1 + (tuple != nullptr ? static_cast<std::int64_t>(tuple->items.size()) : 0));
  copied_bytes_ += text_bytes(value);
  if (copied_bytes_ > kMaxCopiedText) {
    fail_pickle(file_, fmt::format("over {} bytes of repeated text", kMaxCopiedText));
  }
}

void PickleStack::deepen(const PickleList& items) {
  stack_.back().depth = std::max(stack_.back().depth, depth_over(items));
  if (stack_.back().depth > kMaxDepth) {
    fail_pickle(file_, "containers within containers, too deep");
  }
}

}  // namespace retina::tensor
