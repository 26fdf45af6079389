#include <algorithm>

#include "fuzz.h"

#include "retina/store/tiff/ome_xml.h"

/// The description in an OME-TIFF.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  const std::string text(fuzz::text_of(data, size));
  return fuzz::refuses_or_works([&] {
    store::is_ome_xml(text);
    for (const store::OmeImage& image : store::parse_ome_xml(text).images) {
      if (std::min({image.width, image.height, image.slices, image.channels, image.times}) < 0) {
        std::abort();  // no size
      }
    }
  });
}
