#include "retina/testing/source_dir.h"

namespace retina::testing {

std::filesystem::path source_dir() {
  return RETINA_SOURCE_DIR;
}

std::filesystem::path tools_python() {
  return source_dir() / ".tools/bin/python";
}

}  // namespace retina::testing
