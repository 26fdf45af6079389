#include "fuzz.h"

/// The metadata (attributes.json) up to the first zero byte, then the bytes of block 0/0/0.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  const std::string_view text = fuzz::text_of(data, size);
  const std::size_t end = std::min(text.find('\0'), text.size());
  fuzz::scratch().file("a.n5/attributes.json", R"({"n5":"2.0.0"})");
  fuzz::scratch().file("a.n5/d/attributes.json", text.substr(0, end));
  fuzz::scratch().file("a.n5/d/0/0/0", text.substr(std::min(end + 1, text.size())));
  return fuzz::refuses_or_works([&] { fuzz::open_and_read(fuzz::scratch().path("a.n5") + ":d"); });
}
