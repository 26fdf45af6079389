#include "retina/tensor/pickle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "retina/core/error.h"

// The instructions are those of protocols 2 to 4 (Python's pickletools describes them).
namespace retina::tensor {
namespace {

// More than any network has; they bound what a hostile file can make the reader hold.
constexpr int kMaxDepth = 16;
constexpr std::int64_t kMaxValues = 1'000'000;
constexpr std::size_t kMaxSharedText = 256;
constexpr std::size_t kMaxCopiedText = std::size_t{64} << 20;

// Of the arguments of _rebuild_tensor_v2, of which older files have six.
constexpr std::size_t kMetadata = 6;

struct KnownGlobal {
  std::string_view name;
  PickleGlobal global;
};
constexpr std::array<KnownGlobal, 13> kGlobals{{
    {"collections.OrderedDict", {PickleName::ordered_dict}},
    {"torch._utils._rebuild_tensor_v2", {PickleName::rebuild_tensor}},
    {"torch._utils._rebuild_parameter", {PickleName::rebuild_parameter}},
    {"torch.FloatStorage", {PickleName::storage, at::kFloat}},
    {"torch.DoubleStorage", {PickleName::storage, at::kDouble}},
    {"torch.HalfStorage", {PickleName::storage, at::kHalf}},
    {"torch.BFloat16Storage", {PickleName::storage, at::kBFloat16}},
    {"torch.LongStorage", {PickleName::storage, at::kLong}},
    {"torch.IntStorage", {PickleName::storage, at::kInt}},
    {"torch.ShortStorage", {PickleName::storage, at::kShort}},
    {"torch.CharStorage", {PickleName::storage, at::kChar}},
    {"torch.ByteStorage", {PickleName::storage, at::kByte}},
    {"torch.BoolStorage", {PickleName::storage, at::kBool}},
}};

class Unpickler {
 public:
  Unpickler(std::span<const std::byte> stream, const RebuildTensor& rebuild, std::string file)
      : stream_(stream), rebuild_(rebuild), file_(std::move(file)) {}

  PickleValue run() {
    while (true) {
      const std::size_t at = position_;
      const auto code = number<std::uint8_t>();
      if (code == '.') {
        return pop();
      }
      if (!scalar(code) && !text(code) && !container(code) && !memo(code) && !object(code)) {
        fail(fmt::format("the instruction 0x{:02x} at byte {}", code, at));
      }
    }
  }

 private:
  [[noreturn]] void fail(const std::string& found, const char* remedy = kSaveAlone) const {
    throw Error(ErrorKind::bad_data, Problem{.subject = fmt::format("torch file '{}'", file_),
                                             .found = found,
                                             .expected = "a dictionary of tensors and nothing else",
                                             .remedy = remedy});
  }

  template <class T>
  T number() {
    if (stream_.size() - position_ < sizeof(T)) {
      fail("an end in the middle of an instruction");
    }
    T value{};
    std::memcpy(&value, stream_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }

  std::string bytes(std::uint64_t count) {
    if (count > stream_.size() - position_) {
      fail("a text that is longer than the file");
    }
    std::string out(reinterpret_cast<const char*>(stream_.data()) + position_, count);
    position_ += count;
    return out;
  }

  std::string line() {
    std::string out;
    for (auto c = number<char>(); c != '\n'; c = number<char>()) {
      out += c;
    }
    return out;
  }

  template <class T>
  bool push(T value, int depth = 0) {
    if (depth > kMaxDepth) {
      fail("containers within containers, too deep");
    }
    require_room();
    stack_.push_back({std::move(value), depth});
    return true;
  }

  void require_room(std::int64_t values = 1) {
    values_ += values;
    if (values_ > kMaxValues) {
      fail(fmt::format("over {} values", kMaxValues));
    }
  }

  /// `value` is copied: an instruction of a byte or two must not make much of it.
  void count_copy(const PickleValue& value) {
    const auto* tuple = value.as<PickleTuple>();
    require_room(1 + (tuple != nullptr ? static_cast<std::int64_t>(tuple->items.size()) : 0));
    copied_bytes_ += text_bytes(value);
    if (copied_bytes_ > kMaxCopiedText) {
      fail(fmt::format("over {} bytes of repeated text", kMaxCopiedText));
    }
  }

  PickleValue pop() {
    if (stack_.empty() || (!marks_.empty() && stack_.size() <= marks_.back())) {
      fail("an instruction without its operands");
    }
    PickleValue value = std::move(stack_.back());
    stack_.pop_back();
    return value;
  }

  template <class T>
  T pop_as(const char* what) {
    PickleValue value = pop();
    T* found = value.as<T>();
    if (found == nullptr) {
      fail(fmt::format("something else where {} must be", what));
    }
    return std::move(*found);
  }

  template <class T>
  T& top_as(const char* what) {
    T* found = stack_.empty() ? nullptr : stack_.back().as<T>();
    if (found == nullptr) {
      fail(fmt::format("something else where {} must be", what));
    }
    return *found;
  }

  PickleList pop_to_mark() {
    if (marks_.empty() || marks_.back() > stack_.size()) {
      fail("a list without a beginning");
    }
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    PickleList items(std::make_move_iterator(first), std::make_move_iterator(stack_.end()));
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return items;
  }

  static int depth_over(const PickleList& items) {
    int depth = 0;
    for (const PickleValue& item : items) {
      depth = std::max(depth, item.depth + 1);
    }
    return depth;
  }

  bool scalar(std::uint8_t code) {
    switch (code) {
      case 0x80:  // PROTO
        number<std::uint8_t>();
        return true;
      case 0x95:  // FRAME
        number<std::uint64_t>();
        return true;
      case 'N':
        return push(std::monostate{});
      case 0x88:
        return push(true);
      case 0x89:
        return push(false);
      case 'J':
        return push(std::int64_t{number<std::int32_t>()});
      case 'K':
        return push(std::int64_t{number<std::uint8_t>()});
      case 'M':
        return push(std::int64_t{number<std::uint16_t>()});
      case 0x8a:  // LONG1
        return push(long_number());
      case 'G':
        return push(big_endian_double());
      default:
        return false;
    }
  }

  std::int64_t long_number() {
    const std::string digits = bytes(number<std::uint8_t>());
    if (digits.size() > sizeof(std::int64_t)) {
      fail("a number of over 64 bits");
    }
    const bool negative = !digits.empty() && (digits.back() & 0x80) != 0;
    std::int64_t value = negative ? -1 : 0;
    std::memcpy(&value, digits.data(), digits.size());
    return value;
  }

  double big_endian_double() {
    std::array<char, sizeof(double)> raw = number<std::array<char, sizeof(double)>>();
    std::reverse(raw.begin(), raw.end());
    return std::bit_cast<double>(raw);
  }

  bool text(std::uint8_t code) {
    switch (code) {
      case 'X':
        return push(bytes(number<std::uint32_t>()));
      case 0x8c:
        return push(bytes(number<std::uint8_t>()));
      case 'c': {
        const std::string module = line();
        return push_global(module + "." + line());
      }
      case 0x93: {  // STACK_GLOBAL
        const auto name = pop_as<std::string>("a name");
        return push_global(pop_as<std::string>("a module") + "." + name);
      }
      default:
        return false;
    }
  }

  bool push_global(const std::string& name) {
    for (const KnownGlobal& known : kGlobals) {
      if (name == known.name) {
        return push(known.global);
      }
    }
    fail(fmt::format("a reference to {}", name.substr(0, 100)));
  }

  bool container(std::uint8_t code) {
    switch (code) {
      case '(':
        marks_.push_back(stack_.size());
        return true;
      case ')':
        return push(PickleTuple{});
      case '}':
        return push(PickleDict{});
      case ']':
        return push(PickleList{});
      case 't':
        return push_tuple(pop_to_mark());
      case 0x85:
      case 0x86:
      case 0x87:
        return push_tuple(pop_several(code - 0x84U));
      case 's':
        return set_items(pop_several(2));
      case 'u':
        return set_items(pop_to_mark());
      case 'a':
        return append_items(pop_several(1));
      case 'e':
        return append_items(pop_to_mark());
      default:
        return false;
    }
  }

  PickleList pop_several(std::size_t count) {
    PickleList items(count);
    for (std::size_t i = count; i-- > 0;) {
      items[i] = pop();
    }
    return items;
  }

  bool push_tuple(PickleList items) {
    const int depth = depth_over(items);
    return push(PickleTuple{std::move(items)}, depth);
  }

  bool set_items(PickleList items) {
    auto& dict = top_as<PickleDict>("a dictionary");
    if (items.size() % 2 != 0) {
      fail("a key without a value");
    }
    deepen(items);
    for (std::size_t i = 0; i < items.size(); i += 2) {
      dict.items.push_back({.key = std::move(items[i]), .value = std::move(items[i + 1])});
    }
    return true;
  }

  bool append_items(PickleList items) {
    auto& list = top_as<PickleList>("a list");
    deepen(items);
    std::move(items.begin(), items.end(), std::back_inserter(list));
    return true;
  }

  /// The container on top of the stack is to hold `items`.
  void deepen(const PickleList& items) {
    stack_.back().depth = std::max(stack_.back().depth, depth_over(items));
    if (stack_.back().depth > kMaxDepth) {
      fail("containers within containers, too deep");
    }
  }

  bool memo(std::uint8_t code) {
    switch (code) {
      case 'q':
        return remember(number<std::uint8_t>());
      case 'r':
        return remember(number<std::uint32_t>());
      case 0x94:  // MEMOIZE
        return remember(static_cast<std::uint32_t>(memo_.size()));
      case 'h':
        return recall(number<std::uint8_t>());
      case 'j':
        return recall(number<std::uint32_t>());
      default:
        return false;
    }
  }

  /// Bytes of the texts in a value, or in the items of a tuple.
  static std::size_t text_bytes(const PickleValue& value) {
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

  /// Containers are not kept: what is shared could be made to grow without limit.
  bool remember(std::uint32_t index) {
    if (stack_.empty()) {
      fail("an instruction without its operands");
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

  bool recall(std::uint32_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end() || !found->second) {
      fail("a reference to a container elsewhere in the file");
    }
    count_copy(*found->second);
    stack_.push_back(*found->second);
    return true;
  }

  bool object(std::uint8_t code) {
    switch (code) {
      case 'Q':
        return persistent();
      case 'R':
        return reduce();
      case 'b':  // BUILD: attributes of a dictionary, such as its version
        pop();
        top_as<PickleDict>("a dictionary");
        return true;
      default:
        return false;
    }
  }

  bool persistent() {
    const auto id = pop_as<PickleTuple>("a storage");
    const bool whole = id.items.size() >= 3;
    const auto* kind = whole ? id.items[0].as<std::string>() : nullptr;
    const auto* type = whole ? id.items[1].as<PickleGlobal>() : nullptr;
    const auto* key = whole ? id.items[2].as<std::string>() : nullptr;
    if (kind == nullptr || *kind != "storage" || type == nullptr ||
        type->name != PickleName::storage || key == nullptr) {
      fail("a storage of another kind");
    }
    return push(PickleStorage{.key = *key, .type = type->type});
  }

  bool reduce() {
    auto arguments = pop_as<PickleTuple>("arguments");
    const auto callable = pop_as<PickleGlobal>("a name");
    switch (callable.name) {
      case PickleName::ordered_dict:
        if (!arguments.items.empty()) {
          fail("a dictionary made of something");
        }
        return push(PickleDict{});
      case PickleName::rebuild_parameter:
        if (arguments.items.empty() || arguments.items[0].as<at::Tensor>() == nullptr) {
          fail("a parameter without a tensor");
        }
        return push(*arguments.items[0].as<at::Tensor>());
      case PickleName::rebuild_tensor:
        return push(tensor_of(arguments));
      case PickleName::storage:
        break;
    }
    fail("a call that makes no tensor");
  }

  at::Tensor tensor_of(const PickleTuple& arguments) const {
    const PickleList& items = arguments.items;
    const auto* storage = items.size() >= 4 ? items[0].as<PickleStorage>() : nullptr;
    const auto* offset = items.size() >= 4 ? items[1].as<std::int64_t>() : nullptr;
    if (storage == nullptr || offset == nullptr) {
      fail("a tensor without a storage");
    }
    if (items.size() > kMetadata) {
      require_none(items[kMetadata]);
    }
    return rebuild_(*storage, *offset, numbers_of(items[2]), numbers_of(items[3]));
  }

  /// Metadata changes what the numbers mean: those of a view made by negation have the wrong sign.
  void require_none(const PickleValue& metadata) const {
    const auto* dict = metadata.as<PickleDict>();
    const bool empty = dict != nullptr && dict->items.empty();
    if (empty || metadata.as<std::monostate>() != nullptr) {
      return;
    }
    const auto* name = dict != nullptr ? dict->items.front().key.as<std::string>() : nullptr;
    fail(fmt::format("a tensor with the metadata '{}'",
                     name != nullptr ? name->substr(0, kMaxSharedText) : "of another kind"),
         "save plain tensors: tensor.resolve_conj().resolve_neg()");
  }

  std::vector<std::int64_t> numbers_of(const PickleValue& value) const {
    const auto* tuple = value.as<PickleTuple>();
    if (tuple == nullptr) {
      fail("a tensor without a shape");
    }
    std::vector<std::int64_t> out;
    for (const PickleValue& item : tuple->items) {
      const auto* number = item.as<std::int64_t>();
      if (number == nullptr) {
        fail("a shape that is not made of numbers");
      }
      out.push_back(*number);
    }
    return out;
  }

  std::span<const std::byte> stream_;
  const RebuildTensor& rebuild_;
  std::string file_;
  std::size_t position_ = 0;
  std::int64_t values_ = 0;
  std::size_t copied_bytes_ = 0;
  std::vector<PickleValue> stack_;
  std::vector<std::size_t> marks_;
  std::map<std::uint32_t, std::optional<PickleValue>> memo_;
};

}  // namespace

PickleValue unpickle(std::span<const std::byte> stream, const RebuildTensor& rebuild,
                     const std::string& file) {
  return Unpickler(stream, rebuild, file).run();
}

}  // namespace retina::tensor
