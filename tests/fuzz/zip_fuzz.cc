#include <span>

#include "fuzz.h"

#include "retina/tensor/zip.h"

/// The archives that Python's weights come in.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  return fuzz::refuses_or_works([&] {
    for (const tensor::ZipMember& member : tensor::read_zip(bytes, "fuzzed")) {
      if (member.bytes.size() > bytes.size()) {
        std::abort();  // more than there is
      }
    }
  });
}
