#include <algorithm>
#include <array>

#include "fuzz.h"

#include "retina/core/file.h"

namespace {

/// A file in the folder of an unfinished output.
struct Part {
  char letter;
  const char* output;
  const char* file;
};

constexpr std::array<Part, 7> kParts{{{'k', "a.pack", ".resume_key"},
                                      {'p', "a.pack", ".resume_planes"},
                                      {'n', "a.nrrd", "planes"},
                                      {'h', "a.h5", "chunks"},
                                      {'s', "a", "0000.png"},
                                      {'z', "a.zarr", "0/c/0/0/0"},
                                      {'c', "a.precomputed", "4_4_40/0-9_0-7_0-2"}}};

}  // namespace

/// What a killed process left of an output and the next one goes on with: its plan, its record of
/// what is done, or a part that is done. The first byte says which, the rest is that file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  const auto part = std::find_if(kParts.begin(), kParts.end(), [&](const Part& one) {
    return size > 0 && one.letter == static_cast<char>(data[0]);
  });
  if (part == kParts.end()) {
    return 0;
  }
  const std::string folder = fuzz::scratch().path("unfinished");
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  store::CreateOptions options;
  options.shape = {2, 7, 9};
  options.voxel_nm = core::Vec3d{40, 4, 4};
  options.pyramid_levels = part->letter == 'z' || part->letter == 'c' ? 1 : 0;
  options.overwrite = true;
  options.resume_key = "plan";
  const std::string path = folder + "/" + part->output;
  return fuzz::refuses_or_works([&] {
    store::create(path, options).reset();
    const std::string partial = core::partial_path(part->output).string();
    fuzz::scratch().file("unfinished/" + partial + "/" + part->file,
                         fuzz::text_of(data + 1, size - 1));
    const auto output = store::create(path, options);
    const core::Box3 all = core::whole(options.shape);
    output->is_written(all);
    output->read(all);
    output->write({{1, 0, 0}, {1, 7, 9}}, core::Array(core::DType::u8, 1, {1, 7, 9}));
    if (part->letter == 'h') {
      return;  // what follows is the HDF5 library's
    }
    output->finish();
    fuzz::open_and_read(path);
  });
}
