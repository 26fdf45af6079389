#include "fuzz.h"

#include "retina/tensor/torch_file.h"
#include "retina/tensor/zip.h"

/// The description of the tensors in a file of Python's torch, with one storage of 64 bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  tensor::ZipBuilder archive;
  archive.add("a/data.pkl", fuzz::text_of(data, size));
  archive.add("a/data/0", std::string(64, '\x01'));
  return fuzz::refuses_or_works([&] { tensor::parse_torch_file(archive.finish(), "fuzzed"); });
}
