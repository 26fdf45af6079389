#include "retina/pipeline/models/transfer_record.h"

#include <cstdint>

#include <fmt/format.h>

#include "retina/core/file.h"
#include "retina/core/record.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

}  // namespace

fs::path transfer_path(const fs::path& run) {
  return run / "transfer.json";
}

std::string transferred_digest(const fs::path& run) {
  const fs::path file = transfer_path(run);
  return fs::exists(file)
             ? core::member_of<std::string>(core::read_json(file), "digest", file.string())
             : "";
}

std::vector<std::pair<std::string, std::string>> transfer_facts(const fs::path& run) {
  const fs::path file = transfer_path(run);
  if (!fs::exists(file)) {
    return {};
  }
  const Json json = core::read_json(file);
  std::vector<std::pair<std::string, std::string>> facts{
      {"weights from", core::member_of<std::string>(json, "source", file.string())}};
  const Json counts = core::member_of(json, "counts", file.string(), Json::object());
  for (const auto& [name, count] : counts.items()) {
    const std::string source = fmt::format("{}: {}", file.string(), name);
    facts.emplace_back(name,
                       fmt::format("{} tensors, {} parameters",
                                   core::member_of<std::int64_t>(count, "tensors", source),
                                   core::member_of<std::int64_t>(count, "parameters", source)));
  }
  return facts;
}

}  // namespace retina::pipeline
