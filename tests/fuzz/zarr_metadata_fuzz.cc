#include "fuzz.h"

/// A first byte of 'g' makes the rest the metadata of a group around a sound array, else they are
/// those of the array.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  static const std::string kArray =
      R"({"zarr_format":3,"node_type":"array","shape":[2,8,8],"data_type":"uint8",)"
      R"("chunk_grid":{"name":"regular","configuration":{"chunk_shape":[2,8,8]}},)"
      R"("chunk_key_encoding":{"name":"default"},"fill_value":0,"codecs":[{"name":"bytes"}]})";
  if (size == 0) {
    return 0;
  }
  const bool is_group = data[0] == 'g';
  const std::string_view text = fuzz::text_of(data + 1, size - 1);
  const std::string root = fuzz::scratch().path("m.zarr");
  fuzz::scratch().file("m.zarr/zarr.json", is_group ? text : R"({"node_type":"group"})");
  fuzz::scratch().file("m.zarr/0/zarr.json", is_group ? std::string_view(kArray) : text);
  return fuzz::refuses_or_works([&] { fuzz::open_and_read(is_group ? root : root + "/0"); });
}
