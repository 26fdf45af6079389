#include <span>

#include "fuzz.h"

#include "retina/tensor/safetensors_header.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  return fuzz::refuses_or_works([&] {
    const auto header =
        tensor::parse_safetensors_header(std::as_bytes(std::span(data, size)), "fuzzed");
    for (const tensor::StoredTensor& entry : header.tensors) {
      if (entry.end < entry.begin || entry.end > header.data.size()) {
        std::abort();  // a tensor outside the data
      }
    }
  });
}
