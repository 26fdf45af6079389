#include "retina/tensor/pickle_stream.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace retina::tensor {

PickleStream::PickleStream(std::span<const std::byte> stream, std::string file)
    : stream_(stream), file_(std::move(file)) {}

std::int64_t PickleStream::long_number() {
  const std::string digits = bytes(number<std::uint8_t>());
  if (digits.size() > sizeof(std::int64_t)) {
    fail_pickle(file_, "a number of over 64 bits");
  }
  const bool negative = !digits.empty() && (digits.back() & 0x80) != 0;
  std::int64_t value = negative ? -1 : 0;
  std::memcpy(&value, digits.data(), digits.size());
  return value;
}

double PickleStream::big_endian_double() {
  std::array<char, sizeof(double)> raw = number<std::array<char, sizeof(double)>>();
  std::reverse(raw.begin(), raw.end());
  return std::bit_cast<double>(raw);
}

std::string PickleStream::bytes(std::uint64_t count) {
  if (count > stream_.size() - position_) {
    fail_pickle(file_, "a text that is longer than the file");
  }
  std::string out(reinterpret_cast<const char*>(stream_.data()) + position_, count);
  position_ += count;
  return out;
}

std::string PickleStream::line() {
  std::string out;
  for (auto c = number<char>(); c != '\n'; c = number<char>()) {
    out += c;
  }
  return out;
}

}  // namespace retina::tensor
