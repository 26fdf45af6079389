#include "fuzz.h"

/// The metadata (info) up to the first zero byte, then the bytes of the chunk, and of the shard, at
/// the origin of scale "s" of 8 x 8 x 2 voxels.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  const std::string_view text = fuzz::text_of(data, size);
  const std::size_t end = std::min(text.find('\0'), text.size());
  const std::string_view chunk = text.substr(std::min(end + 1, text.size()));
  fuzz::scratch().file("p.precomputed/info", text.substr(0, end));
  fuzz::scratch().file("p.precomputed/s/0-8_0-8_0-2", chunk);
  fuzz::scratch().file("p.precomputed/s/0.shard", chunk);
  return fuzz::refuses_or_works(
      [&] { fuzz::open_and_read(fuzz::scratch().path("p.precomputed")); });
}
