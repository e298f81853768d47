#pragma once

#include <linux/capability.h>
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
    works_ = works_ && setrlimit(RLIMIT_MEMLOCK, &small) == 0;
  }
  ~SmallLockLimit() {
    setrlimit(RLIMIT_MEMLOCK, &limit_);
    syscall(SYS_capset, &header_, kept_);
  }
  bool works() const { return works_; }

 private:
  __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct kept_[2] = {};
  rlimit limit_{};
  bool works_ = false;
};

}  // namespace tercel::platform
