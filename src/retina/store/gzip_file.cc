#include "retina/store/gzip_file.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <zlib.h>

#include "retina/store/location.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace {

constexpr std::int64_t kMaxRatio = 1040;
constexpr std::size_t kIdleDecoders = 4;
constexpr unsigned kBufferBytes = 1U << 17;

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

class GzipFile::Decoder {
 public:
  explicit Decoder(const std::filesystem::path& path)
      : path_(path), stream_(gzopen(path.c_str(), "rb")) {
    if (stream_ == nullptr) {
      throw bad_file(path, "it cannot be opened", "a readable gzip file", "check the path");
    }
    gzbuffer(stream_, kBufferBytes);
  }
  ~Decoder() { gzclose(stream_); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  std::int64_t position() const { return position_; }

  void skip_to(std::int64_t offset) {
    std::vector<std::byte> waste(static_cast<std::size_t>(
        std::min<std::int64_t>(offset - position_, std::int64_t{1} << 20)));
    while (position_ < offset) {
      const auto step = std::min(waste.size(), static_cast<std::size_t>(offset - position_));
      read(std::span(waste).first(step));
    }
  }

  void read(std::span<std::byte> out) {
    while (!out.empty()) {
      constexpr std::size_t kMost = std::numeric_limits<int>::max();
      const int got =
          gzread(stream_, out.data(), static_cast<unsigned>(std::min(out.size(), kMost)));
      if (got <= 0) {
        int code = 0;
        const char* message = gzerror(stream_, &code);
        throw bad_file(path_,
                       got == 0 || code == Z_BUF_ERROR
                           ? fmt::format("content that ends after {} bytes", position_)
                           : fmt::format("damaged gzip data ({})", message),
                       fmt::format("{} bytes more", out.size()),
                       "the file is damaged or cut short: get a fresh copy");
      }
      position_ += got;
      out = out.subspan(static_cast<std::size_t>(got));
    }
  }

 private:
  const std::filesystem::path& path_;
  gzFile stream_;
  std::int64_t position_ = 0;
};

GzipFile::GzipFile(std::filesystem::path path) : path_(std::move(path)) {
  const std::int64_t size = size_of_file(path_);
  most_content_ = size > std::numeric_limits<std::int64_t>::max() / kMaxRatio
                      ? std::numeric_limits<std::int64_t>::max()
                      : size * kMaxRatio;
}

GzipFile::~GzipFile() = default;

std::unique_ptr<GzipFile::Decoder> GzipFile::take(std::int64_t offset) {
  const std::lock_guard lock(mutex_);
  auto best = idle_.end();
  for (auto it = idle_.begin(); it != idle_.end(); ++it) {
    const std::int64_t position = (*it)->position();
    if (position <= offset && (best == idle_.end() || position > (*best)->position())) {
      best = it;
    }
  }
  if (best == idle_.end()) {
    return std::make_unique<Decoder>(path_);
  }
  std::unique_ptr<Decoder> decoder = std::move(*best);
  idle_.erase(best);
  return decoder;
}

void GzipFile::give_back(std::unique_ptr<Decoder> decoder) {
  const std::lock_guard lock(mutex_);
  idle_.push_front(std::move(decoder));
  if (idle_.size() > kIdleDecoders) {
    idle_.pop_back();
  }
}

void GzipFile::read(std::int64_t offset, std::span<std::byte> out) {
  std::unique_ptr<Decoder> decoder = take(offset);
  decoder->skip_to(offset);
  decoder->read(out);
  give_back(std::move(decoder));
}

}  // namespace retina::store
