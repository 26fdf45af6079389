# NCCL for training on several GPUs. Its header comes with the wheel's NVIDIA packages or with the system; where it is not
# found, or does not fit this torch, ranks talk by way of the CPU.
if(TARGET torch_cuda)
  find_path(RETINA_NCCL_HEADERS nccl.h HINTS "${TORCH_INSTALL_PREFIX}/../nvidia/nccl/include")
endif()
if(RETINA_NCCL_HEADERS)
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_LIBRARIES torch)
  set(CMAKE_REQUIRED_INCLUDES "${RETINA_NCCL_HEADERS}")
  set(CMAKE_REQUIRED_DEFINITIONS -DUSE_C10D_NCCL)
  check_cxx_source_compiles("#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
    int main() { return c10d::ProcessGroupNCCL::Options::create() ? 0 : 1; }" RETINA_HAS_NCCL)
  unset(CMAKE_REQUIRED_LIBRARIES)
  unset(CMAKE_REQUIRED_INCLUDES)
  unset(CMAKE_REQUIRED_DEFINITIONS)
endif()
