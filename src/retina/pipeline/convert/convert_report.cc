// What a conversion did, as JSON and as text.
#include <fmt/format.h>

#include "retina/core/file.h"
#include "retina/pipeline/convert/convert.h"

namespace retina::pipeline {

Json to_json(const ConvertReport& report) {
  return {{"input", report.input.source},
          {"input_format", report.input.format},
          {"input_dtype", core::name_of(report.input.dtype)},
          {"output", report.output},
          {"format", report.format},
          {"dtype", core::name_of(report.dtype)},
          {"channels", report.input.channels},
          {"crop_start", report.crop.start},
          {"shape", report.crop.shape},
          {"block", report.block},
          {"blocks", report.blocks},
          {"blocks_kept", report.blocks_kept},
          {"checks_values", report.checks_values},
          {"bytes_read", report.bytes_read},
          {"bytes_written", report.bytes_written},
          {"planned_peak_bytes", report.planned_peak_bytes},
          {"peak_rss_bytes", report.peak_rss_bytes},
          {"seconds", report.seconds},
          {"dry_run", report.dry_run},
          {"notes", report.notes}};
}

std::string to_text(const ConvertReport& report) {
  std::string text = fmt::format(
      "{}{} ({}) -> {} ({})\n"
      "  part    {} voxels (z, y, x) from {}, {} channel{}\n"
      "  dtype   {} -> {}{}\n"
      "  blocks  {} of {} voxels{}\n"
      "  read    {}, write {}, uncompressed\n"
      "  memory  {} for blocks in flight and what is decoded for them\n",
      report.dry_run ? "plan: " : "", report.input.source, report.input.format, report.output,
      report.format, core::to_string(report.crop.shape), core::to_string(report.crop.start),
      report.input.channels, report.input.channels == 1 ? "" : "s",
      core::name_of(report.input.dtype), core::name_of(report.dtype),
      report.checks_values ? ", every value checked" : "", report.blocks,
      core::to_string(report.block),
      report.blocks_kept > 0 ? fmt::format(", {} kept of an earlier run", report.blocks_kept) : "",
      core::format_size(report.bytes_read), core::format_size(report.bytes_written),
      core::format_size(report.planned_peak_bytes));
  if (!report.dry_run && report.seconds > 0) {
    text += fmt::format("  time    {:.1f} s, {}/s written, memory {}\n", report.seconds,
                        core::format_size(static_cast<std::int64_t>(
                            static_cast<double>(report.bytes_written) / report.seconds)),
                        core::format_size(report.peak_rss_bytes));
  }
  for (const std::string& note : report.notes) {
    text += "note: " + note + "\n";
  }
  return text;
}

}  // namespace retina::pipeline
