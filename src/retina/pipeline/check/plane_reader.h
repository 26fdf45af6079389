#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "retina/core/progress.h"
#include "retina/data/dataset.h"
#include "retina/pipeline/check/check.h"
#include "retina/pipeline/check/duplicates.h"

namespace retina::pipeline {

enum class DataPart { training, held_out };

/// A plane that was read; `dataset` must outlive it.
struct ReadPlane {
  const data::Dataset* dataset;
  data::Slice slice;
  DataPart part;
};

/// What is kept of the planes that were read: prints to compare them, and how their masks were
/// understood.
struct ReadPlanes {
  std::vector<ReadPlane> planes;
  std::vector<PlanePrint> prints;  ///< of each of them
  std::int64_t two_valued = 0;     ///< planes whose masks hold only 0 and 255, read as 0 and 1
};

/// The slices to read: all, or a seeded choice in their order.
std::vector<data::Slice> chosen_slices(const std::vector<data::Slice>& slices, std::int64_t limit);

/// Reads planes by bands into the volumes, statistics, thumbnails and problems of a report. Report,
/// options and ctx must outlive it.
class PlaneReader {
 public:
  PlaneReader(CheckReport& report, const CheckOptions& options, const core::Context& ctx)
      : report_(report), options_(options), ctx_(ctx) {}

  /// Reads the planes of one part of the data; planes() refers to `dataset`, which must outlive it.
  void read(const data::Dataset& dataset, DataPart part);
  /// Those of all parts that could be read.
  const ReadPlanes& planes() const { return planes_; }

 private:
  /// Planes of one volume that cannot be used.
  struct BadPlanes {
    std::size_t problem;  ///< of the first of them, in the report
    std::int64_t further;
  };

  void add_rows(const data::Dataset& dataset, DataPart part);
  void read_plane(const ReadPlane& read);
  /// What is wrong with one plane of a volume mostly is with all: the first speaks for them.
  void note_bad_plane(std::size_t row, const std::string& message);
  void count_further_bad_planes();
  void count_values(CheckedVolume& row, const data::Dataset& dataset,
                    const data::LabelCensus& census);
  /// Volumes of which the range of slices takes nothing are not part of the report.
  void drop_unused_rows(const data::Dataset& dataset);

  CheckReport& report_;
  const CheckOptions& options_;
  const core::Context& ctx_;
  std::size_t first_row_ = 0;
  bool shows_ = false;
  ReadPlanes planes_;
  std::map<std::size_t, BadPlanes> bad_planes_;  ///< by row, of the part that is read
};

}  // namespace retina::pipeline
