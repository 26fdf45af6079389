#include <span>
#include <vector>

#include "fuzz.h"

#include "retina/store/gunzip.h"
#include "retina/store/inflated_bytes.h"

/// A stream of gzip or zlib: a packed chunk in memory, then the packed values in a file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  constexpr std::size_t kMostBytes = 4096;
  constexpr std::int64_t kValues = 300;
  fuzz::refuses_or_works([&] {
    if (store::gunzip(std::as_bytes(std::span(data, size)), kMostBytes).size() > kMostBytes) {
      std::abort();  // more than was allowed
    }
  });
  const std::string path = fuzz::scratch().file("a.gz", fuzz::text_of(data, size));
  return fuzz::refuses_or_works([&] {
    const store::InflatedBytes values(path, 0, kValues);
    std::vector<std::byte> bytes(kValues);
    values.read(0, bytes);
    values.read(kValues / 2, std::span(bytes).first(kValues / 2));
  });
}
