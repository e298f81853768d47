#pragma once
#include <atomic>
namespace tercel::engine {
class YieldPoint {
 public:
  using Stop = void (*)(void* user);
  YieldPoint(Stop stop, void* user) : stop_(stop), user_(user) {}
  YieldPoint(const YieldPoint&) = delete;
  YieldPoint& operator=(const YieldPoint&) = delete;
  void ask() { asked_.store(true, std::memory_order_relaxed); }
  void clear() { asked_.store(false, std::memory_order_relaxed); }
  bool is_asked() const { return asked_.load(std::memory_order_relaxed); }
  void pass() {
    if (is_asked()) stop_(user_);
  }

 private:
  const Stop stop_;
  void* const user_;
  std::atomic<bool> asked_{false};
};
}  // namespace tercel::engine
