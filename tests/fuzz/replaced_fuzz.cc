#include "fuzz.h"

namespace {

constexpr std::string_view kGroup =
    R"({"zarr_format":3,"node_type":"group","attributes":{"ome":{"version":"0.5"}}})";

/// Puts `text` where an output will find it; the output's path, empty for an unknown `kind`.
std::string prepare(std::uint8_t kind, std::string_view text) {
  const retina::fuzz::Scratch& scratch = retina::fuzz::scratch();
  switch (kind) {
    case 'p':  // a volume that is replaced
      scratch.file("place/a.precomputed/info", text);
      return scratch.path("place/a.precomputed");
    case 'z':  // an image that is replaced
      scratch.file("place/a.zarr/zarr.json", text);
      scratch.file("place/a.zarr/0/zarr.json", "{}");
      return scratch.path("place/a.zarr");
    case 'g':  // the group that lists the labels of an image
      scratch.file("place/a.zarr/zarr.json", kGroup);
      scratch.file("place/a.zarr/labels/zarr.json", text);
      return scratch.path("place/a.zarr/labels/b");
    case 'a':  // the same, of zarr v2
      scratch.file("place/a.zarr/.zgroup", R"({"zarr_format":2})");
      scratch.file("place/a.zarr/labels/.zgroup", R"({"zarr_format":2})");
      scratch.file("place/a.zarr/labels/.zattrs", text);
      return scratch.path("place/a.zarr/labels/b");
    default:
      return {};
  }
}

}  // namespace

/// What a new output finds in its place: the description of what it replaces, or of the group that
/// it joins. The first byte says which.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  if (size == 0) {
    return 0;
  }
  std::filesystem::remove_all(fuzz::scratch().path("place"));
  const std::string path = prepare(data[0], fuzz::text_of(data + 1, size - 1));
  if (path.empty()) {
    return 0;
  }
  store::CreateOptions options;
  options.shape = {1, 4, 4};
  options.is_labels = path.ends_with("labels/b");
  options.overwrite = true;
  return fuzz::refuses_or_works([&] { store::create(path, options)->finish(); });
}
