#include <vector>

#include "fuzz.h"
#include <sys/stat.h>

#include "retina/store/finish_record.h"

namespace {

/// As a record tells a file: its device and its number there.
std::string identity_of(const std::string& path) {
  struct stat status {};
  ::stat(path.c_str(), &status);
  return "[" + std::to_string(status.st_dev) + "," + std::to_string(status.st_ino) + "]";
}

std::string spelt_out(std::string_view text, const std::string& folder,
                      const std::string& identity) {
  std::string out;
  for (const char c : text) {
    out += c == '@' ? folder : c == '#' ? identity : std::string(1, c);
  }
  return out;
}

}  // namespace

/// The record of outputs that got their names one after the other when their process was killed:
/// a.tif has it, b.zarr is complete, c.h5:data is not there. '@' stands for their folder and '#'
/// for what tells a.tif from another file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  const std::string folder = fuzz::scratch().path("finish");
  std::filesystem::remove_all(folder);
  const std::string image = fuzz::scratch().file("finish/a.tif", "image");
  fuzz::scratch().file("finish/.b.zarr.partial/zarr.json", "{}");
  fuzz::scratch().file("finish/.a.tif.finish",
                       spelt_out(fuzz::text_of(data, size), folder, identity_of(image)));
  const std::vector<std::string> outputs{image, folder + "/b.zarr", folder + "/c.h5:data"};
  return fuzz::refuses_or_works([&] {
    store::FinishRecord record(outputs, "plan");
    for (const std::string& output : outputs) {
      if (record.is_finished(output) && output != image) {
        std::abort();  // it is not there
      }
    }
    record.begin();
    record.remove();
  });
}
