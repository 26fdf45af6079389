#include "retina/store/gunzip.h"

#include <algorithm>
#include <limits>
#include <string>

#include <fmt/format.h>
#include <zlib.h>

#include "retina/core/error.h"

namespace retina::store {

namespace {

Error damaged_gzip(const std::string& found) {
  return Error(ErrorKind::bad_data,
               Problem{.subject = "gzip data",
                       .found = found,
                       .expected = "an undamaged stream",
                       .remedy = "the file is damaged or cut short: get a fresh copy"});
}

/// zlib's state, released on every path.
class Inflater {
 public:
  explicit Inflater(std::span<const std::byte> packed) : left_(packed) {
    constexpr int kGzip = 15 + 16;
    if (inflateInit2(&z_, kGzip) != Z_OK) {
      throw Error(ErrorKind::resource, "zlib cannot start");
    }
  }
  ~Inflater() { inflateEnd(&z_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Fills `out` as far as the stream goes; returns the bytes made.
  std::size_t fill(std::span<std::byte> out) {
    std::size_t made = 0;
    while (made < out.size() && !is_at_end_) {
      constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
      const auto room = static_cast<uInt>(std::min(out.size() - made, kMost));
      const auto given = static_cast<uInt>(std::min(left_.size(), kMost));
      z_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(left_.data()));
      z_.avail_in = given;
      z_.next_out = reinterpret_cast<Bytef*>(out.data() + made);
      z_.avail_out = room;
      const int status = ::inflate(&z_, Z_NO_FLUSH);
      left_ = left_.subspan(given - z_.avail_in);
      made += room - z_.avail_out;
      is_at_end_ = status == Z_STREAM_END;
      if (status != Z_OK && status != Z_STREAM_END) {
        throw damaged_gzip(status == Z_BUF_ERROR ? "a stream that is cut short"
                                                 : "bytes that cannot be decoded");
      }
    }
    return made;
  }

 private:
  z_stream z_{};
  std::span<const std::byte> left_;
  bool is_at_end_ = false;
};

}  // namespace

std::vector<std::byte> gunzip(std::span<const std::byte> packed, std::size_t limit) {
  Inflater inflater(packed);
  std::vector<std::byte> out;
  std::size_t step = std::min(limit + 1, 4 * packed.size() + 4096);  // 1 more shows an excess
  for (;;) {
    const std::size_t done = out.size();
    out.resize(std::min(limit + 1, done + step));
    const std::size_t made = inflater.fill(std::span(out).subspan(done));
    const bool is_complete = made < out.size() - done;
    out.resize(done + made);
    if (out.size() > limit) {
      throw damaged_gzip(fmt::format("more than {} bytes", limit));
    }
    if (is_complete) {
      return out;
    }
    step = out.size();
  }
}

}  // namespace retina::store
