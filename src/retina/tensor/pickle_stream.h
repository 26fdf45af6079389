#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "retina/tensor/pickle.h"

namespace retina::tensor {

/// Reads the codes and operands of a pickle's instructions one after the other; bad_data naming
/// the file at its end.
class PickleStream {
 public:
  /// `stream` must outlive this; `file` is used in messages.
  PickleStream(std::span<const std::byte> stream, std::string file);

  /// Bytes read so far.
  std::size_t position() const { return position_; }

  /// A number as it lies in memory: those of pickles have the low byte first, but for doubles.
  template <class T>
  T number() {
    if (stream_.size() - position_ < sizeof(T)) {
      fail_pickle(file_, "an end in the middle of an instruction");
    }
    T value{};
    std::memcpy(&value, stream_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }

  /// An integer of as many bytes as the one before them says, at most eight.
  std::int64_t long_number();

  double big_endian_double();

  std::string bytes(std::uint64_t count);

  /// The text up to the next line feed, which is read too.
  std::string line();

 private:
  std::span<const std::byte> stream_;
  std::string file_;
  std::size_t position_ = 0;
};

}  // namespace retina::tensor
