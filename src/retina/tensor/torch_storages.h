#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <torch/types.h>

#include "retina/tensor/pickle.h"

namespace retina::tensor {

/// Throws the bad_data that refuses a file of Python torch for what was found in it.
[[noreturn]] void fail_torch(const std::string& file, const std::string& found,
                             const std::string& remedy = {});

/// Makes tensors of the members of an archive, within a limit for all of them together.
class TorchStorages {
 public:
  /// `archive` must outlive this; `file` is used in messages. bad_data for one without a pickle.
  TorchStorages(std::span<const std::byte> archive, std::string file);

  /// What describes the tensors: the member data.pkl.
  std::span<const std::byte> pickle() const { return pickle_; }

  /// A copy of a part of a storage: offset, sizes and strides in elements. bad_data for a tensor
  /// beyond its storage or the limit.
  at::Tensor tensor(const PickleStorage& storage, std::int64_t offset,
                    const std::vector<std::int64_t>& sizes,
                    const std::vector<std::int64_t>& strides);

 private:
  /// An expanded tensor may claim any size: a small file must not make the reader hold much.
  void charge(std::int64_t elements, std::size_t item);

  std::string file_;
  std::size_t budget_;
  std::map<std::string, std::span<const std::byte>> members_;
  std::string prefix_;
  std::span<const std::byte> pickle_;
};

}  // namespace retina::tensor
