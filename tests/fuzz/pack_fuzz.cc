#include "fuzz.h"

#include "retina/store/pack/pack.h"

/// The header up to the first zero byte, then the index; the data are 4 KiB of zeros.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  static const std::string kData(4096, '\0');
  static const std::string kFolder = [] {
    fuzz::scratch().file("p/images.bin", kData);
    fuzz::scratch().file("p/labels.bin", kData);
    return fuzz::scratch().path("p");
  }();
  const std::string_view text = fuzz::text_of(data, size);
  const std::size_t end = std::min(text.find('\0'), text.size());
  fuzz::scratch().file("p/pack.json", text.substr(0, end));
  fuzz::scratch().file("p/index.jsonl", text.substr(std::min(end + 1, text.size())));
  return fuzz::refuses_or_works([&] {
    const store::Pack pack(kFolder);
    for (std::size_t i = 0; i < pack.size(); ++i) {
      const auto image = pack.image(i);
      image->read(core::whole(image->shape()));
      if (const auto labels = pack.labels(i)) {
        labels->read(core::whole(labels->shape()));
      }
    }
  });
}
