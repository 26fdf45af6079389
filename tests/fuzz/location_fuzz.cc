#include "fuzz.h"

#include "retina/store/location.h"

/// A place as a user names it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  const std::string text(fuzz::text_of(data, size));
  return fuzz::refuses_or_works([&] {
    const store::Location location = store::parse_location(text);
    store::extension_of(location.file);
    store::begins_with(location.file, "\x89PNG");
    store::folder_of(location);
  });
}
