#include <zlib.h>

#include "retina/core/error.h"
#include "retina/report/deflate.h"

namespace retina::report {

std::vector<std::byte> zlib_stream(std::span<const std::byte> bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::vector<std::byte> out(size);
  const int code = compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                             reinterpret_cast<const Bytef*>(bytes.data()),
                             static_cast<uLong>(bytes.size()), Z_DEFAULT_COMPRESSION);
  if (code != Z_OK) {
    throw Error(ErrorKind::internal, "zlib could not compress a picture");
  }
  out.resize(size);
  return out;
}

}  // namespace retina::report
