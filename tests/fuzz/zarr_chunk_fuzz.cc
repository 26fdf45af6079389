#include <array>

#include "fuzz.h"

namespace {

/// Metadata of an array of 2 x 8 x 8 with the given type and codecs.
std::string array_of(const std::string& dtype, const std::string& codecs) {
  return R"({"zarr_format":3,"node_type":"array","shape":[2,8,8],"data_type":")" + dtype +
         R"(","chunk_grid":{"name":"regular","configuration":{"chunk_shape":[2,8,8]}},)"
         R"("chunk_key_encoding":{"name":"default"},"fill_value":0,"codecs":)" +
         codecs + "}";
}

std::string sharded(const std::string& codecs, const std::string& place) {
  return R"([{"name":"sharding_indexed","configuration":{"chunk_shape":[1,4,8],"codecs":)" +
         codecs +
         R"(,"index_codecs":[{"name":"bytes","configuration":{"endian":"little"}}],"index_location":")" +
         place + R"("}}])";
}

const std::string kBytes = R"({"name":"bytes","configuration":{"endian":"little"}})";

/// The ways to store a chunk that the first byte of a try chooses from.
const std::array<std::string, 9>& layouts() {
  static const std::array<std::string, 9> all{
      array_of("uint8", "[" + kBytes + "]"),
      array_of("uint16", R"([{"name":"bytes","configuration":{"endian":"big"}}])"),
      array_of("uint8", "[" + kBytes + R"(,{"name":"zstd","configuration":{"level":1}}])"),
      array_of("uint8", "[" + kBytes + R"(,{"name":"gzip","configuration":{"level":1}}])"),
      array_of(
          "uint16",
          "[" + kBytes +
              R"(,{"name":"blosc","configuration":{"cname":"zstd","clevel":3,"shuffle":"shuffle","typesize":2,"blocksize":0}}])"),
      array_of("float32", "[" + kBytes + R"(,{"name":"crc32c"}])"),
      array_of("uint8", sharded("[" + kBytes + "]", "end")),
      array_of("uint8",
               sharded("[" + kBytes + R"(,{"name":"zstd","configuration":{"level":1}}])", "start")),
      array_of("uint8",
               sharded("[" + kBytes + R"(,{"name":"gzip","configuration":{"level":1}}])", "end"))};
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  if (size == 0) {
    return 0;
  }
  const std::string name = "c" + std::to_string(data[0] % layouts().size()) + ".zarr";
  fuzz::scratch().file(name + "/zarr.json", layouts()[data[0] % layouts().size()]);
  fuzz::scratch().file(name + "/c/0/0/0", fuzz::text_of(data + 1, size - 1));
  return fuzz::refuses_or_works([&] { fuzz::open_and_read(fuzz::scratch().path(name)); });
}
