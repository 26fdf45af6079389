#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "retina/core/json.h"
#include "retina/core/options.h"
#include "retina/core/progress.h"
#include "retina/core/volume.h"
#include "retina/pipeline/reading_options.h"
#include "retina/store/output.h"

namespace retina::pipeline {

struct ConvertOptions {
  std::string input{};
  std::string output{};
  ReadingOptions reading{};
  std::string dtype{};
  std::vector<double> input_range{};
  bool allow_narrowing = false;
  std::string crop{};
  std::string pyramid = "auto";
  std::vector<std::int64_t> chunk{};
  std::vector<std::int64_t> shard{};
  store::Compression compression = store::Compression::automatic;
  store::ZarrVersion zarr_version = store::ZarrVersion::v0_5;
  bool labels = false;
  std::string max_ram = "auto";
  int threads = 0;
  bool overwrite = false;
  bool dry_run = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("input", self.input, "an image, stack, folder of slices, pack, or container:dataset");
    visit("output", self.output,
          "the format follows the extension: .zarr, .tif, .png, ...; without one a folder of PNG "
          "slices");
    ReadingOptions::fields(self.reading, visit);
    visit("dtype", self.dtype,
          "u8, u16, u32, u64, i8, i16, i32 or f32; default: as stored. Every value is checked "
          "before a type that could lose some");
    visit("input_range", self.input_range,
          "low,high: stored values that become 0 and the largest of --dtype u8 or u16; values "
          "outside are clipped");
    visit("allow_narrowing", self.allow_narrowing,
          "clip and round image values that --dtype does not hold; never done to --labels");
    visit("crop", self.crop, "part to convert, z0:z1,y0:y1,x0:x1 in voxels of the input");
    visit("pyramid", self.pyramid,
          "levels besides the full size, or auto: until the smallest side is below 64 (OME-Zarr)");
    visit("chunk", self.chunk, "z,y,x of the output's chunks; default: the format's");
    visit("shard", self.shard, "z,y,x of the output's shards (files); default: the format's");
    visit("compression", self.compression,
          "of .zarr and .tif: automatic, zstd, deflate, or none: larger files, faster");
    visit("zarr_version", self.zarr_version,
          "of OME-Zarr: 0.5, or 0.4 for programs that read no other; a file for each chunk");
    visit("labels", self.labels,
          "the values are label ids: pyramids take the most frequent, not the mean; of a file that "
          "says so itself they always are");
    visit("max_ram", self.max_ram,
          "memory to use, such as 8GiB; auto: 4GiB, or half of what the process may use if less");
    visit("threads", self.threads,
          "blocks in flight, fewer where memory is short; 0 = one more than there are cores");
    visit("overwrite", self.overwrite, "replace an output that exists");
    visit("dry_run", self.dry_run, "print the plan (sizes, blocks, memory) and stop");
  }
  std::vector<Problem> validate() const;
};

struct ConvertReport {
  std::string output{};
  std::string format{};
  core::VolumeInfo input{};
  core::Box3 crop{};  ///< of the input
  core::DType dtype = core::DType::u8;
  core::Vec3 block{0, 0, 0};
  std::int64_t blocks = 0;
  std::int64_t blocks_kept = 0;  ///< that an interrupted run had written
  std::int64_t bytes_read = 0;   ///< as decoded; of the check of values too
  std::int64_t bytes_written = 0;
  std::int64_t planned_peak_bytes = 0;  ///< of the blocks in flight and chunks decoded for them
  std::int64_t peak_rss_bytes = 0;
  double seconds = 0;
  bool checks_values = false;  ///< the data type could lose some, so all are looked at first
  bool dry_run = false;
  std::vector<std::string> notes{};
};

/// Copies a volume into another format, data type, part or layout: block by block, so that memory
/// does not depend on its size, and equal whatever the blocks. Values that the new type does not
/// hold are refused (bad_data, with what was found) unless input_range or allow_narrowing says what
/// becomes of them. An unfinished output of the same plan is continued, one that an interrupted run
/// had finished is left as it is. `interrupted` on a stop request; what was written is kept.
ConvertReport convert(const ConvertOptions& options, const core::Context& context);

/// The same from a volume that is open; `options.input` and `options.reading` are not used.
ConvertReport convert_volume(const core::Volume& input, const ConvertOptions& options,
                             const core::Context& context);

Json to_json(const ConvertReport& report);
std::string to_text(const ConvertReport& report);

}  // namespace retina::pipeline
