#include "retina/report/metrics_log.h"

#include <string>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/core/options.h"

namespace retina::report {
namespace {

/// A step that 64 bits do not hold would become another one.
bool is_metrics_line(const Json& line) {
  return line.is_object() && line.contains("step") && line["step"].is_number_integer() &&
         core::whole_number_in<std::int64_t>(line["step"]).has_value();
}

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& run_folder, std::int64_t resume_step)
    : path_(run_folder / "metrics.jsonl") {
  std::vector<Json> kept;
  std::string text;
  for (Json& line : read_metrics(path_)) {
    if (line["step"].get<std::int64_t>() <= resume_step) {
      text += core::dump_json(line) + "\n";
      kept.push_back(std::move(line));
    }
  }
  core::write_atomically(path_, std::string_view(text));
  jsonl_.open(path_, std::ios::app);
  events_.emplace(run_folder / "events.out.tfevents.retina");
  for (const Json& line : kept) {
    write_events(line);
  }
  flush();
}

void MetricsLog::write(std::int64_t step, double wall_time_s, const Json& values) {
  Json line = {{"step", step}, {"wall_time", wall_time_s}};
  line.update(values);
  jsonl_ << core::dump_json(line) << "\n";
  write_events(line);
  flush();
}

void MetricsLog::flush() {
  jsonl_.flush();
  events_->flush();
  if (!jsonl_) {
    throw Error(ErrorKind::resource, Problem{.subject = path_.string(),
                                             .found = "writing failed",
                                             .expected = {},
                                             .remedy = "check free space and permissions"});
  }
}

void MetricsLog::write_events(const Json& line) {
  std::vector<std::pair<std::string, double>> scalars;
  for (const auto& [name, value] : line.items()) {
    if (value.is_number() && name != "step" && name != "wall_time") {
      scalars.emplace_back(name, value.get<double>());
    }
  }
  events_->scalars(line["step"].get<std::int64_t>(), number_in(line, "wall_time").value_or(0),
                   scalars);
}

std::optional<double> number_in(const Json& line, const std::string& name) {
  const auto value = line.find(name);
  return value != line.end() && value->is_number() ? std::optional(value->get<double>())
                                                   : std::nullopt;
}

std::vector<Json> read_metrics(const std::filesystem::path& jsonl) {
  std::vector<Json> lines;
  if (!std::filesystem::exists(jsonl)) {
    return lines;
  }
  const std::string text = core::read_text(jsonl);
  std::size_t start = 0;
  for (std::size_t stop = text.find('\n'); stop != std::string::npos;
       start = stop + 1, stop = text.find('\n', start)) {
    const std::string_view line(text.data() + start, stop - start);
    Json parsed = core::try_parse_json(line).value_or(Json());
    if (is_metrics_line(parsed)) {
      lines.push_back(std::move(parsed));
    } else if (text.find_first_not_of('\n', stop) != std::string::npos) {
      throw Error(ErrorKind::bad_data,
                  Problem{.subject = fmt::format("{}: line {}", jsonl.string(), lines.size() + 1),
                          .found = std::string(line.substr(0, 80)),
                          .expected = "a JSON object with a step",
                          .remedy = "remove the line"});
    }
  }
  return lines;
}

}  // namespace retina::report
