#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <future>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

namespace retina::testing {

/// Lets every flock of this thread fail until it ends; false where the kernel does not allow it.
inline bool refuse_locks_in_this_thread() {
  std::array<sock_filter, 4> rules{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_flock, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOLCK),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{.len = static_cast<unsigned short>(rules.size()),
                           .filter = rules.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// Does `work` in a thread where the file system seems to know no locks; false, and nothing is
/// done, where the kernel does not allow it.
template <class Work>
bool without_locks(const Work& work) {
  const auto in_thread = [&] {
    const bool are_refused = refuse_locks_in_this_thread();
    if (are_refused) {
      work();
    }
    return are_refused;
  };
  return std::async(std::launch::async, in_thread).get();
}

}  // namespace retina::testing
