# The headers of CUDA, where libtorch has CUDA: of a toolkit, or of the wheels that ./dev installs beside torch's. Nothing is
# compiled by nvcc. Without them there is no recording of training steps (trainer/cuda_graph.h); without NCCL's header, or where
# it does not fit this torch, ranks talk by way of the CPU.
if(RETINA_TORCH_CUDA)
  file(GLOB _cuda_wheels "${_torch}/../nvidia/cu*/include")
  find_path(RETINA_CUDA_HEADERS crt/host_config.h HINTS ${_cuda_wheels} /usr/local/cuda/include)
  find_path(RETINA_CUDA_CXX_HEADERS nv/target HINTS ${RETINA_CUDA_HEADERS} ${RETINA_CUDA_HEADERS}/cccl)
  find_path(RETINA_NCCL_HEADERS nccl.h HINTS "${_torch}/../nvidia/nccl/include")
endif()
set(RETINA_HAS_CUDA_HEADERS OFF)
if(RETINA_CUDA_HEADERS AND RETINA_CUDA_CXX_HEADERS)
  set(RETINA_HAS_CUDA_HEADERS ON)
endif()
if(RETINA_HAS_CUDA_HEADERS AND RETINA_NCCL_HEADERS)
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_LIBRARIES torch)
  set(CMAKE_REQUIRED_INCLUDES ${RETINA_NCCL_HEADERS} ${RETINA_CUDA_HEADERS} ${RETINA_CUDA_CXX_HEADERS})
  set(CMAKE_REQUIRED_DEFINITIONS -DUSE_C10D_NCCL)
  check_cxx_source_compiles("#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
    int main() { return c10d::ProcessGroupNCCL::Options::create() ? 0 : 1; }" RETINA_HAS_NCCL)
  unset(CMAKE_REQUIRED_LIBRARIES)
  unset(CMAKE_REQUIRED_INCLUDES)
  unset(CMAKE_REQUIRED_DEFINITIONS)
endif()
