#pragma once

#include <string>
#include <vector>

#include "retina/core/progress.h"
#include "retina/pipeline/compare/cell.h"
#include "retina/pipeline/compare/compare_options.h"
#include "retina/pipeline/compare/compare_progress.h"
#include "retina/trainer/rank_place.h"

namespace retina::pipeline {

/// What processes of one machine share.
struct SharedMachine {
  int gpus = 0;
  int cores = 1;
};
SharedMachine this_machine();

/// What each job is told beside the command line of the process that starts it. Empty where there
/// is to be one job: that process. A device that the user named is the device of all jobs.
std::vector<std::vector<std::string>> job_arguments(const CompareOptions& options,
                                                    const SharedMachine& machine);

/// The device of a process that a launcher started beside others of its machine: where `device` is
/// auto or cuda, the GPU with its number there (LOCAL_RANK of torchrun, SLURM_LOCALID), counted
/// round.
std::string device_in_launcher(const std::string& device, const trainer::Environment& environment,
                               int gpus);

/// The threads of a process that a launcher started beside others of its machine: where `threads`
/// is 0, an equal share of the cores for each of them (LOCAL_WORLD_SIZE of torchrun), or of those
/// that Slurm gave to the task (SLURM_CPUS_PER_TASK); 0 where a launcher says neither.
int threads_in_launcher(int threads, const trainer::Environment& environment, int cores);

/// Warns where the file system of the output knows no locks and no share keeps processes apart: all
/// of them would train the same cells.
void warn_of_missing_locks(const CompareOptions& options, const core::Context& context);

/// Works on the cells in the processes of job_arguments(), where any is missing, and shows how many
/// are finished; what was completed meanwhile. Logs are jobN.log in the output folder, where a line
/// tells each start.
CompletedCells work_in_jobs(const CompareOptions& options, const std::vector<Cell>& cells,
                            const core::Context& context);

}  // namespace retina::pipeline
