#include <sstream>
#include <vector>

#include "fuzz.h"

#include "retina/core/file.h"
#include "retina/store/image_folder/numbering.h"

/// Lines are the stems of the files of a folder.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  std::istringstream lines{std::string(fuzz::text_of(data, size))};
  std::vector<std::string> stems;
  for (std::string line; std::getline(lines, line) && stems.size() < 200;) {
    stems.push_back(line);
  }
  return fuzz::refuses_or_works([&] {
    std::sort(stems.begin(), stems.end(), core::natural_less);
    for (std::size_t i = 1; i < stems.size(); ++i) {
      if (core::natural_less(stems[i], stems[i - 1])) {
        std::abort();  // not an order
      }
    }
    store::numbering_gaps(stems, 8);
  });
}
