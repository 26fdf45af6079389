#include "fuzz.h"

#include "retina/tensor/npz.h"
#include "retina/tensor/zip.h"

/// One array in a file of numpy.savez.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  tensor::ZipBuilder archive;
  archive.add("a.npy", fuzz::text_of(data, size));
  return fuzz::refuses_or_works([&] { tensor::parse_npz(archive.finish(), "fuzzed"); });
}
