#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  const std::string path = fuzz::scratch().file("a.tif", fuzz::text_of(data, size));
  return fuzz::refuses_or_works([&] { fuzz::open_and_read(path); });
}
