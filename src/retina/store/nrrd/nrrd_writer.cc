#include "retina/store/nrrd/nrrd_writer.h"

#include "retina/store/flat_output.h"
#include "retina/store/nrrd/nrrd_metadata.h"

namespace retina::store {

std::unique_ptr<OutputVolume> create_nrrd(const Location& location, const CreateOptions& options) {
  return create_flat(location, options, "nrrd",
                     nrrd_header_text(options.dtype, options.channels, options.shape,
                                      options.voxel_nm, options.offset_nm));
}

}  // namespace retina::store
