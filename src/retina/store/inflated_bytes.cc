#include "retina/store/inflated_bytes.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <vector>

#include <fmt/format.h>
#include <zlib.h>

#include "retina/store/positioned_file.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace {

constexpr std::int64_t kInputBytes = std::int64_t{64} << 10;
constexpr std::int64_t kBlockBytes = std::int64_t{1}
                                     << 20;  // decoded bytes kept as one cache entry
constexpr std::int64_t kLeastSpacing = std::int64_t{4} << 20;
constexpr std::int64_t kMostPlaces = 1024;
constexpr std::size_t kWindowBytes = 32768;    // how far deflate looks back
constexpr std::int64_t kGreatestRatio = 1040;  // deflate gives at most 1032 bytes for one
constexpr int kAnyHeader = 47;                 // zlib: gzip or zlib, told by the first bytes
constexpr int kNoHeader = -15;

}  // namespace

/// One decoder that moves over the stream; callers take turns.
class InflatedBytes::Stream {
 public:
  Stream(const std::filesystem::path& path, std::int64_t start, std::int64_t size)
      : file_(path),
        start_(start),
        size_(size),
        spacing_(std::max(kLeastSpacing, size / kMostPlaces)) {
    const std::int64_t stored = std::max<std::int64_t>(0, file_.size() - start);
    if (size / kGreatestRatio > stored) {
      throw bad_file(path, fmt::format("{} compressed bytes", stored),
                     fmt::format("enough for {} bytes of voxels", size),
                     "the file is truncated or its sizes are wrong: get a fresh copy");
    }
    std::array<std::byte, 2> magic{};
    if (stored >= 2) {
      file_.read(start, magic);
    }
    is_gzip_ = magic[0] == std::byte{0x1f} && magic[1] == std::byte{0x8b};
    if (inflateInit2(&z_, kAnyHeader) != Z_OK) {
      throw Error(ErrorKind::resource, "no memory for decompression");
    }
    rewind();
  }
  ~Stream() { inflateEnd(&z_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void read(std::int64_t offset, std::span<std::byte> out) {
    const std::lock_guard lock(mutex_);
    try {
      seek(offset);
      produce(out);
      if (out_ == size_) {
        check_end();
      }
    } catch (...) {
      rewind();
      throw;
    }
  }

 private:
  /// Where decoding can start: between two blocks of deflate.
  struct Place {
    std::int64_t out = 0;  ///< position in the decoded bytes
    std::int64_t in = 0;   ///< position in the file
    int bits = 0;          ///< of the byte before `in` that still belong to the next block
    std::vector<Bytef> window;
  };

  void rewind() {
    inflateReset2(&z_, kAnyHeader);
    has_header_ = true;
    z_.avail_in = 0;
    next_in_ = start_;
    out_ = 0;
  }

  void seek(std::int64_t target) {
    const auto after = std::upper_bound(places_.begin(), places_.end(), target,
                                        [](std::int64_t at, const Place& p) { return at < p.out; });
    const Place* best = after == places_.begin() ? nullptr : &*(after - 1);
    if (best != nullptr && (out_ > target || best->out > out_)) {
      restart(*best);
    } else if (out_ > target) {
      rewind();
    }
    std::array<std::byte, std::size_t{32} << 10> skipped;
    while (out_ < target) {
      const auto part = std::min<std::int64_t>(target - out_, skipped.size());
      produce(std::span(skipped).first(static_cast<std::size_t>(part)));
    }
  }

  void restart(const Place& place) {
    inflateReset2(&z_, kNoHeader);
    has_header_ = false;
    z_.avail_in = 0;
    next_in_ = place.in;
    if (place.bits != 0) {
      std::array<std::byte, 1> byte{};
      file_.read(place.in - 1, byte);
      inflatePrime(&z_, place.bits, std::to_integer<int>(byte[0]) >> (8 - place.bits));
    }
    inflateSetDictionary(&z_, place.window.data(), static_cast<uInt>(place.window.size()));
    out_ = place.out;
  }

  void produce(std::span<std::byte> out) {
    z_.next_out = reinterpret_cast<Bytef*>(out.data());
    z_.avail_out = static_cast<uInt>(out.size());
    while (z_.avail_out > 0) {
      refill();
      const uInt before = z_.avail_out;
      const int result = ::inflate(&z_, Z_BLOCK);
      out_ += before - z_.avail_out;
      if (result == Z_STREAM_END) {
        next_member();
      } else if (result == Z_BUF_ERROR && z_.avail_in == 0 && next_in_ >= file_.size()) {
        throw bad_file(file_.path(), fmt::format("only {} bytes of voxels", out_),
                       "as many as the sizes say", "the file is truncated: get a fresh copy");
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        throw bad_file(file_.path(),
                       fmt::format("damaged compressed data after {} bytes of voxels", out_),
                       "a whole gzip or zlib stream", "get a fresh copy");
      } else if ((z_.data_type & 128) != 0 && (z_.data_type & 64) == 0) {
        remember();
      }
    }
  }

  /// Lets zlib compare the checksum behind the last byte, which it can where it saw all bytes.
  void check_end() {
    std::array<Bytef, 1> more{};
    z_.next_out = more.data();
    z_.avail_out = 1;
    int result = has_header_ ? Z_OK : Z_STREAM_END;
    while (result == Z_OK && z_.avail_out > 0) {
      refill();
      result = ::inflate(&z_, Z_NO_FLUSH);
    }
    if (result != Z_STREAM_END && result != Z_OK) {
      throw bad_file(file_.path(), "compressed data without a correct checksum",
                     "a whole gzip or zlib stream", "the file is damaged: get a fresh copy");
    }
    rewind();
  }

  void refill() {
    if (z_.avail_in > 0) {
      return;
    }
    const std::int64_t count = std::min(kInputBytes, file_.size() - next_in_);
    if (count <= 0) {
      return;  // zlib may still hold the last bytes
    }
    file_.read(next_in_, std::span(input_).first(static_cast<std::size_t>(count)));
    z_.next_in = reinterpret_cast<Bytef*>(input_.data());
    z_.avail_in = static_cast<uInt>(count);
    next_in_ += count;
  }

  /// gzip files may hold several streams after each other.
  void next_member() {
    const std::int64_t trailer = has_header_ ? 0 : is_gzip_ ? 8 : 4;
    next_in_ += trailer - static_cast<std::int64_t>(z_.avail_in);
    z_.avail_in = 0;
    inflateReset2(&z_, kAnyHeader);
    has_header_ = true;
  }

  void remember() {
    const std::int64_t last = places_.empty() ? 0 : places_.back().out;
    if (out_ < last + spacing_) {
      return;
    }
    Place place{.out = out_,
                .in = next_in_ - static_cast<std::int64_t>(z_.avail_in),
                .bits = z_.data_type & 7,
                .window = std::vector<Bytef>(kWindowBytes)};
    uInt length = 0;
    inflateGetDictionary(&z_, place.window.data(), &length);
    place.window.resize(length);
    places_.push_back(std::move(place));
  }

  PositionedFile file_;
  std::int64_t start_;
  std::int64_t size_;
  std::int64_t spacing_;
  bool is_gzip_ = false;
  std::mutex mutex_;
  z_stream z_{};
  bool has_header_ = true;  ///< of the stream being decoded: its checksum is then checked by zlib
  std::array<std::byte, kInputBytes> input_{};
  std::int64_t next_in_ = 0;  ///< position in the file after what is in input_
  std::int64_t out_ = 0;
  std::vector<Place> places_;
};

InflatedBytes::InflatedBytes(const std::filesystem::path& path, std::int64_t start,
                             std::int64_t size)
    : stream_(std::make_unique<Stream>(path, start, size)), size_(size) {}

InflatedBytes::~InflatedBytes() = default;

void InflatedBytes::read(std::int64_t offset, std::span<std::byte> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const std::int64_t at = offset + static_cast<std::int64_t>(done);
    const std::int64_t block = at / kBlockBytes;
    const auto decoded = cache_.get(block, [&] {
      const std::int64_t start = block * kBlockBytes;
      core::Array bytes(core::DType::u8, 1, {1, 1, std::min(kBlockBytes, size_ - start)});
      stream_->read(start, bytes.bytes());
      return bytes;
    });
    const auto from = decoded->bytes().subspan(static_cast<std::size_t>(at % kBlockBytes));
    const std::size_t part = std::min(from.size(), out.size() - done);
    std::memcpy(out.data() + done, from.data(), part);
    done += part;
  }
}

}  // namespace retina::store
