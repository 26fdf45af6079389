#include "retina/tensor/pickle.h"

#include <array>
#include <string_view>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/tensor/pickle_stack.h"
#include "retina/tensor/pickle_stream.h"

// The instructions are those of protocols 2 to 4 (Python's pickletools describes them).
namespace retina::tensor {
namespace {

constexpr std::size_t kMaxNameInMessage = 256;

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
  Unpickler(std::span<const std::byte> stream, const RebuildTensor& rebuild,
            const std::string& file)
      : stream_(stream, file), stack_(file), rebuild_(rebuild), file_(file) {}

  PickleValue run() {
    while (true) {
      const std::size_t at = stream_.position();
      const auto code = stream_.number<std::uint8_t>();
      if (code == '.') {
        return stack_.pop();
      }
      if (!scalar(code) && !text(code) && !container(code) && !memo(code) && !object(code)) {
        fail_pickle(file_, fmt::format("the instruction 0x{:02x} at byte {}", code, at));
      }
    }
  }

 private:
  bool scalar(std::uint8_t code) {
    switch (code) {
      case 0x80:  // PROTO
        stream_.number<std::uint8_t>();
        return true;
      case 0x95:  // FRAME
        stream_.number<std::uint64_t>();
        return true;
      case 'N':
        return stack_.push(std::monostate{});
      case 0x88:
        return stack_.push(true);
      case 0x89:
        return stack_.push(false);
      case 'J':
        return stack_.push(std::int64_t{stream_.number<std::int32_t>()});
      case 'K':
        return stack_.push(std::int64_t{stream_.number<std::uint8_t>()});
      case 'M':
        return stack_.push(std::int64_t{stream_.number<std::uint16_t>()});
      case 0x8a:  // LONG1
        return stack_.push(stream_.long_number());
      case 'G':
        return stack_.push(stream_.big_endian_double());
      default:
        return false;
    }
  }

  bool text(std::uint8_t code) {
    switch (code) {
      case 'X':
        return stack_.push(stream_.bytes(stream_.number<std::uint32_t>()));
      case 0x8c:
        return stack_.push(stream_.bytes(stream_.number<std::uint8_t>()));
      case 'c': {
        const std::string module = stream_.line();
        return push_global(module + "." + stream_.line());
      }
      case 0x93: {  // STACK_GLOBAL
        const auto name = stack_.pop_as<std::string>("a name");
        return push_global(stack_.pop_as<std::string>("a module") + "." + name);
      }
      default:
        return false;
    }
  }

  bool push_global(const std::string& name) {
    for (const KnownGlobal& known : kGlobals) {
      if (name == known.name) {
        return stack_.push(known.global);
      }
    }
    fail_pickle(file_, fmt::format("a reference to {}", name.substr(0, 100)));
  }

  bool container(std::uint8_t code) {
    switch (code) {
      case '(':
        return stack_.mark();
      case ')':
        return stack_.push(PickleTuple{});
      case '}':
        return stack_.push(PickleDict{});
      case ']':
        return stack_.push(PickleList{});
      case 't':
        return stack_.push_tuple(stack_.pop_to_mark());
      case 0x85:
      case 0x86:
      case 0x87:
        return stack_.push_tuple(stack_.pop_several(code - 0x84U));
      case 's':
        return stack_.set_items(stack_.pop_several(2));
      case 'u':
        return stack_.set_items(stack_.pop_to_mark());
      case 'a':
        return stack_.append_items(stack_.pop_several(1));
      case 'e':
        return stack_.append_items(stack_.pop_to_mark());
      default:
        return false;
    }
  }

  bool memo(std::uint8_t code) {
    switch (code) {
      case 'q':
        return stack_.remember(stream_.number<std::uint8_t>());
      case 'r':
        return stack_.remember(stream_.number<std::uint32_t>());
      case 0x94:  // MEMOIZE
        return stack_.remember_next();
      case 'h':
        return stack_.recall(stream_.number<std::uint8_t>());
      case 'j':
        return stack_.recall(stream_.number<std::uint32_t>());
      default:
        return false;
    }
  }

  bool object(std::uint8_t code) {
    switch (code) {
      case 'Q':
        return persistent();
      case 'R':
        return reduce();
      case 'b':  // BUILD: attributes of a dictionary, such as its version
        stack_.pop();
        stack_.top_as<PickleDict>("a dictionary");
        return true;
      default:
        return false;
    }
  }

  bool persistent() {
    const auto id = stack_.pop_as<PickleTuple>("a storage");
    const bool whole = id.items.size() >= 3;
    const auto* kind = whole ? id.items[0].as<std::string>() : nullptr;
    const auto* type = whole ? id.items[1].as<PickleGlobal>() : nullptr;
    const auto* key = whole ? id.items[2].as<std::string>() : nullptr;
    if (kind == nullptr || *kind != "storage" || type == nullptr ||
        type->name != PickleName::storage || key == nullptr) {
      fail_pickle(file_, "a storage of another kind");
    }
    return stack_.push(PickleStorage{.key = *key, .type = type->type});
  }

  bool reduce() {
    auto arguments = stack_.pop_as<PickleTuple>("arguments");
    const auto callable = stack_.pop_as<PickleGlobal>("a name");
    switch (callable.name) {
      case PickleName::ordered_dict:
        if (!arguments.items.empty()) {
          fail_pickle(file_, "a dictionary made of something");
        }
        return stack_.push(PickleDict{});
      case PickleName::rebuild_parameter:
        if (arguments.items.empty() || arguments.items[0].as<at::Tensor>() == nullptr) {
          fail_pickle(file_, "a parameter without a tensor");
        }
        return stack_.push(*arguments.items[0].as<at::Tensor>());
      case PickleName::rebuild_tensor:
        return stack_.push(tensor_of(arguments));
      case PickleName::storage:
        break;
    }
    fail_pickle(file_, "a call that makes no tensor");
  }

  at::Tensor tensor_of(const PickleTuple& arguments) const {
    const PickleList& items = arguments.items;
    const auto* storage = items.size() >= 4 ? items[0].as<PickleStorage>() : nullptr;
    const auto* offset = items.size() >= 4 ? items[1].as<std::int64_t>() : nullptr;
    if (storage == nullptr || offset == nullptr) {
      fail_pickle(file_, "a tensor without a storage");
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
    fail_pickle(
        file_,
        fmt::format("a tensor with the metadata '{}'",
                    name != nullptr ? name->substr(0, kMaxNameInMessage) : "of another kind"),
        "save plain tensors: tensor.resolve_conj().resolve_neg()");
  }

  std::vector<std::int64_t> numbers_of(const PickleValue& value) const {
    const auto* tuple = value.as<PickleTuple>();
    if (tuple == nullptr) {
      fail_pickle(file_, "a tensor without a shape");
    }
    std::vector<std::int64_t> out;
    for (const PickleValue& item : tuple->items) {
      const auto* number = item.as<std::int64_t>();
      if (number == nullptr) {
        fail_pickle(file_, "a shape that is not made of numbers");
      }
      out.push_back(*number);
    }
    return out;
  }

  PickleStream stream_;
  PickleStack stack_;
  const RebuildTensor& rebuild_;
  std::string file_;
};

}  // namespace

void fail_pickle(const std::string& file, const std::string& found, const char* remedy) {
  throw Error(ErrorKind::bad_data, Problem{.subject = fmt::format("torch file '{}'", file),
                                           .found = found,
                                           .expected = "a dictionary of tensors and nothing else",
                                           .remedy = remedy});
}

PickleValue unpickle(std::span<const std::byte> stream, const RebuildTensor& rebuild,
                     const std::string& file) {
  return Unpickler(stream, rebuild, file).run();
}

}  // namespace retina::tensor
