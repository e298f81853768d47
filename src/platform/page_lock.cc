#include "platform/page_lock.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "base/checked.h"

namespace tercel::platform {

namespace {

// The system counts no locks: one munlock() undoes every mlock() of a page. So this counts them, for the whole process.
class LockCounts {
 public:
  // False, with errno, when the system does not lock the pages; nothing changed then.
  bool add(uintptr_t begin, uintptr_t end) {
    const std::lock_guard lock(mutex_);
    split(begin);
    split(end);
    for (auto part = counts_.find(begin); part->first != end; ++part) {
      if (part->second == 0 && !lock_part(part)) {
        const int code = errno;
        while (part->first != begin) drop(--part);
        join(begin, end);
        errno = code;
        return false;
      }
      ++part->second;
    }
    join(begin, end);
    return true;
  }

  void remove(uintptr_t begin, uintptr_t end) {
    const std::lock_guard lock(mutex_);
    split(begin);
    split(end);
    for (auto part = counts_.find(begin); part->first != end; ++part) drop(part);
    join(begin, end);
  }

 private:
  // From the address where a part begins to how many locks it has; a part ends where the next begins.
  using Parts = std::map<uintptr_t, int>;

  void split(uintptr_t at) {
    const auto next = counts_.upper_bound(at);
    counts_.try_emplace(at, next == counts_.begin() ? 0 : std::prev(next)->second);
  }

  static bool lock_part(Parts::iterator part) {
    return mlock(reinterpret_cast<void*>(part->first), std::next(part)->first - part->first) == 0;
  }

  static void drop(Parts::iterator part) {
    if (--part->second == 0) munlock(reinterpret_cast<void*>(part->first), std::next(part)->first - part->first);
  }

  // Parts that are locked as often as the one before them are one with it.
  void join(uintptr_t begin, uintptr_t end) {
    for (auto part = counts_.find(begin); part != counts_.end() && part->first <= end;) {
      const int before = part == counts_.begin() ? 0 : std::prev(part)->second;
      part = part->second == before ? counts_.erase(part) : std::next(part);
    }
  }

  std::mutex mutex_;
  Parts counts_;
};

// Outlives every lock: sessions may end while static objects do.
LockCounts& counts() {
  static auto* const all = new LockCounts();
  return *all;
}

// What this process has locked already, by whatever means.
uint64_t locked_bytes() {
  std::ifstream status("/proc/self/status");
  constexpr std::string_view kKey = "VmLck:";
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(kKey)) return std::strtoull(line.c_str() + kKey.size(), nullptr, 10) * 1024;
  return 0;
}

Error refusal(uint64_t wanted, int code) {
  const std::string what = "cannot lock " + std::to_string(wanted) + " bytes in memory: ";
  rlimit limit{};
  const uint64_t locked = locked_bytes();
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= locked + wanted)
    return Error(ErrorCode::kExhausted, what + std::strerror(code));
  return Error(ErrorCode::kExhausted, what + "this process may lock " + std::to_string(limit.rlim_cur) +
                                          " (RLIMIT_MEMLOCK) and has " + std::to_string(locked) +
                                          " locked; raise the limit with ulimit -l or the service's LimitMEMLOCK=, or give it "
                                          "CAP_IPC_LOCK");
}

}  // namespace

Result<PageLock> PageLock::take(std::span<const Bytes> ranges) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  std::vector<Pages> wanted;
  uint64_t bytes = 0;
  for (const Bytes& range : ranges) {
    if (range.empty()) continue;
    const auto begin = reinterpret_cast<uintptr_t>(range.data());
    wanted.push_back({begin / page * page, align_up(begin + range.size(), page)});
    bytes += wanted.back().end - wanted.back().begin;
  }
  PageLock lock;
  lock.locked_.reserve(wanted.size());
  for (const Pages& pages : wanted) {
    if (!counts().add(pages.begin, pages.end)) {
      const int code = errno;
      lock.release();
      return refusal(bytes, code);
    }
    lock.locked_.push_back(pages);
  }
  return lock;
}

PageLock::PageLock(PageLock&& other) noexcept : locked_(std::exchange(other.locked_, {})) {}

PageLock& PageLock::operator=(PageLock&& other) noexcept {
  if (this == &other) return *this;
  release();
  locked_ = std::exchange(other.locked_, {});
  return *this;
}

PageLock::~PageLock() { release(); }

void PageLock::release() {
  for (const Pages& pages : locked_) counts().remove(pages.begin, pages.end);
  locked_.clear();
}

}  // namespace tercel::platform
