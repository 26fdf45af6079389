#include "retina/store/output_place.h"

#include <algorithm>

#include "retina/core/file.h"

namespace retina::store {

namespace fs = std::filesystem;

OutputPlace output_place(const Location& location) {
  OutputPlace place;
  const auto go_in = [&](const fs::path& part) {
    if (!part.empty()) {  // as after a slash at the end
      place.inner += (place.inner.empty() ? "" : "/") + part.string();
    }
  };
  for (const fs::path& part : location.file) {
    if (place.is_zarr) {
      go_in(part);
    } else if (!part.empty()) {
      place.root /= part;
      place.is_zarr = extension_of(part) == ".zarr";
    }
  }
  for (const fs::path& part : fs::path(location.inner)) {
    go_in(part);
  }
  place.extension = extension_of(place.root);
  place.is_hdf5 =
      place.extension == ".h5" || place.extension == ".hdf5" || place.extension == ".hdf";
  place.final_path = place.is_zarr && !place.inner.empty() ? place.root / place.inner : place.root;
  place.beside = place.root;
  if (!place.inner.empty()) {
    std::string name = place.inner;
    std::replace(name.begin(), name.end(), '/', '.');
    place.beside += "." + name;
  }
  place.partial = core::partial_path(place.beside);
  return place;
}

OutputPlace output_place(const std::string& path) {
  return output_place(parse_location(path));
}

}  // namespace retina::store
