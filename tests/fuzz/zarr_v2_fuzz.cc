#include "fuzz.h"

/// The metadata (.zarray) up to the first zero byte, then the bytes of chunk 0.0.0.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  const std::string_view text = fuzz::text_of(data, size);
  const std::size_t end = std::min(text.find('\0'), text.size());
  fuzz::scratch().file("v2.zarr/.zarray", text.substr(0, end));
  fuzz::scratch().file("v2.zarr/0.0.0", text.substr(std::min(end + 1, text.size())));
  return fuzz::refuses_or_works([&] { fuzz::open_and_read(fuzz::scratch().path("v2.zarr")); });
}
