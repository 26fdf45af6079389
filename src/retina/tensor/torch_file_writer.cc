#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/tensor/torch_file.h"
#include "retina/tensor/zip.h"

namespace retina::tensor {
namespace {

const char* storage_name(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "FloatStorage";
    case at::kDouble:
      return "DoubleStorage";
    case at::kHalf:
      return "HalfStorage";
    case at::kBFloat16:
      return "BFloat16Storage";
    case at::kLong:
      return "LongStorage";
    case at::kInt:
      return "IntStorage";
    case at::kShort:
      return "ShortStorage";
    case at::kChar:
      return "CharStorage";
    case at::kByte:
      return "ByteStorage";
    case at::kBool:
      return "BoolStorage";
    default:
      throw Error(ErrorKind::internal, "torch file: a tensor type without a storage");
  }
}

/// Writes the pickle that Python torch writes for an OrderedDict of tensors.
class Pickler {
 public:
  Pickler() {
    out_ = "\x80\x02";
    ordered_dict();
    out_ += '(';
  }

  void add(const std::string& name, const at::Tensor& tensor, std::size_t key) {
    text(name);
    out_ += "ctorch._utils\n_rebuild_tensor_v2\n((";
    text("storage");
    out_ += fmt::format("ctorch\n{}\n", storage_name(tensor.scalar_type()));
    text(std::to_string(key));
    text("cpu");
    number(tensor.numel());
    out_ += "tQ";
    number(0);
    tuple(tensor.sizes());
    tuple(tensor.strides());
    out_ += '\x89';  // requires no gradient
    ordered_dict();
    out_ += "tR";
  }

  std::string finish() { return std::move(out_) + "u."; }

 private:
  void ordered_dict() { out_ += "ccollections\nOrderedDict\n)R"; }

  void little_endian(std::uint64_t value, std::size_t bytes) {
    out_.append(reinterpret_cast<const char*>(&value), bytes);
  }

  void text(const std::string& value) {
    out_ += 'X';
    little_endian(value.size(), 4);
    out_ += value;
  }

  void number(std::int64_t value) {
    if (value <= std::numeric_limits<std::int32_t>::max()) {
      out_ += 'J';
      little_endian(static_cast<std::uint64_t>(value), 4);
    } else {
      out_ += "\x8a\x08";
      little_endian(static_cast<std::uint64_t>(value), 8);
    }
  }

  void tuple(at::IntArrayRef values) {
    out_ += '(';
    for (const std::int64_t value : values) {
      number(value);
    }
    out_ += 't';
  }

  std::string out_;
};

}  // namespace

void write_torch_file(const std::filesystem::path& path, const NamedTensors& tensors) {
  Pickler pickler;
  std::vector<at::Tensor> values;
  for (const auto& [name, tensor] : tensors.tensors) {
    values.push_back(tensor.detach().cpu().contiguous());
    pickler.add(name, values.back(), values.size() - 1);
  }
  ZipBuilder archive;
  archive.add("archive/data.pkl", std::string_view(pickler.finish()));
  archive.add("archive/byteorder", std::string_view("little"));
  for (std::size_t i = 0; i < values.size(); ++i) {
    archive.add(
        "archive/data/" + std::to_string(i),
        std::span(static_cast<const std::byte*>(values[i].const_data_ptr()), values[i].nbytes()));
  }
  archive.add("archive/version", std::string_view("3\n"));
  const std::vector<std::byte> bytes = archive.finish();
  core::write_atomically(path, std::span<const std::byte>(bytes));
}

}  // namespace retina::tensor
