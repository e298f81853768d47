#pragma once

#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// For tests of locked memory.
namespace tercel::platform {

// While it lives: this thread without CAP_IPC_LOCK, and a limit of so many bytes that the process may lock.
class SmallLockLimit {
 public:
  explicit SmallLockLimit(rlim_t bytes) {
    syscall(SYS_capget, &header_, kept_);
    __user_cap_data_struct less[2] = {kept_[0], kept_[1]};
    less[0].effective &= ~(1u << CAP_IPC_LOCK);
    works_ = syscall(SYS_capset, &header_, less) == 0 && getrlimit(RLIMIT_MEMLOCK, &limit_) == 0;
    const rlimit small{bytes, limit_.rlim_max};
    works_ = works_ && setrlimit(RLIMIT_MEMLOCK, &small) == 0 && refuses(bytes + (8 << 10));
  }
  ~SmallLockLimit() {
    setrlimit(RLIMIT_MEMLOCK, &limit_);
    syscall(SYS_capset, &header_, kept_);
  }
  // False where this process may not change its limit, or a sanitizer locks nothing and says it did.
  bool works() const { return works_; }

 private:
  static bool refuses(size_t bytes) {
    void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const bool refused = memory != MAP_FAILED && mlock(memory, bytes) != 0;
    if (memory != MAP_FAILED) munmap(memory, bytes);
    return refused;
  }

  __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct kept_[2] = {};
  rlimit limit_{};
  bool works_ = false;
};

}  // namespace tercel::platform
