#include "doctor/checks.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace tercel::doctor {

namespace {

constexpr double kStealShare = 0.01, kLostShare = 0.01, kLongestUs = 1000;
constexpr uint64_t kLockableBytes = uint64_t{1} << 30, kOpenFiles = 4096;

std::string text(const char* format, double value) {
  char out[64];
  std::snprintf(out, sizeof out, format, value);
  return out;
}

std::string limit_text(uint64_t bytes) {
  return bytes == UINT64_MAX ? "unlimited" : text("%.1f MB", static_cast<double>(bytes) / 1e6);
}

Check make(std::string name, std::string why) {
  return {std::move(name), Verdict::kUnknown, "not told by this machine", std::move(why), ""};
}

Check good_or(Check check, std::string value, bool good, Verdict otherwise, std::string change) {
  check.value = std::move(value);
  check.verdict = good ? Verdict::kGood : otherwise;
  if (!good) check.change = std::move(change);
  return check;
}

Check instruction_set(const HostFacts& f) {
  const bool wide = f.isa.starts_with("avx512"), fair = f.isa.starts_with("avx2");
  return good_or(make("instruction set",
                      "AVX-512 computes twice as much per instruction as AVX2; without AVX2 a model is many times slower"),
                 f.isa + ", " + f.cpu, wide || fair, Verdict::kWarning,
                 "choose a machine type with AVX2 or newer; in a VM, pass the host's CPU model through");
}

Check cpus(const HostFacts& f) {
  return good_or(
      make("cpus", "a request runs on as many threads as are usable; one left for the system keeps interrupts away from it"),
      std::to_string(f.cpus) + " usable", f.cpus >= 2, Verdict::kNote,
      "give the process at least two CPUs, or run with --threads 1");
}

Check quota(const HostFacts& f) {
  Check check = make(
      "cpu quota",
      "a group that has used its quota up is stopped for the rest of the period: 10-100 ms in the middle of a request; sessions "
      "look every second, and run on one thread while it is no more than one CPU");
  if (!f.quota) return good_or(std::move(check), "none", true, Verdict::kGood, "");
  const bool whole = std::abs(*f.quota - std::round(*f.quota)) < 0.01;
  const std::string stopped = f.throttled ? ", stopped " + std::to_string(*f.throttled) + " times so far" : "";
  return good_or(
      std::move(check), text("%.2f CPUs", *f.quota) + stopped, whole && f.throttled.value_or(0) == 0, Verdict::kWarning,
      "pin the service to whole CPUs (cpuset, Kubernetes' static CPU manager) instead of a quota, or run fewer threads than it");
}

Check governor(const HostFacts& f) {
  Check check = make("frequency governor",
                     "a CPU that was idle starts slow: the first milliseconds of a request run at half speed or less");
  if (f.governors.empty()) return check;
  std::string all;
  for (const auto& g : f.governors) all += (all.empty() ? "" : ", ") + g;
  return good_or(std::move(check), all, all == "performance", Verdict::kWarning, "cpupower frequency-set -g performance");
}

Check clocksource(const HostFacts& f) {
  Check check = make("clock source", "other clocks than tsc and the paravirtual ones need a system call per timestamp");
  if (f.clocksource.empty()) return check;
  const bool fast = f.clocksource == "tsc" || f.clocksource == "kvm-clock" || f.clocksource == "hyperv_clocksource_tsc_page";
  return good_or(std::move(check), f.clocksource, fast, Verdict::kWarning, "boot with clocksource=tsc tsc=reliable");
}

Check isolation(const HostFacts& f) {
  return good_or(
      make("isolated cpus", "the kernel keeps its own work and other programs away from isolated CPUs; the tail is what gains"),
      f.isolated_cpus.empty() ? "none" : f.isolated_cpus, !f.isolated_cpus.empty(), Verdict::kNote,
      "for hard deadlines: boot with isolcpus=... nohz_full=... rcu_nocbs=... and pin the service there");
}

Check huge_pages(const HostFacts& f) {
  Check check = make("transparent huge pages",
                     "weights on 2 MiB pages miss the TLB less; 'always' also lets the kernel stop a thread to make them");
  if (f.transparent_huge_pages.empty()) return check;
  return good_or(std::move(check), f.transparent_huge_pages, f.transparent_huge_pages == "madvise", Verdict::kNote,
                 "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
}

Check numa(const HostFacts& f) {
  Check check = make("numa balancing", "it unmaps pages to see who uses them: each is a fault in the middle of a request");
  if (!f.numa_balancing) return check;
  return good_or(std::move(check), *f.numa_balancing ? "on" : "off", !*f.numa_balancing, Verdict::kNote,
                 "sysctl kernel.numa_balancing=0");
}

Check swap(const HostFacts& f) {
  Check check = make("swap", "weights that were swapped out come back from disk, milliseconds a page");
  if (!f.swap_total) return check;
  const std::string value = *f.swap_total == 0
                                ? "off"
                                : limit_text(*f.swap_total) + ", " + limit_text(f.swapped.value_or(0)) + " of this process in it";
  return good_or(std::move(check), value, *f.swap_total == 0, f.swapped.value_or(0) > 0 ? Verdict::kWarning : Verdict::kNote,
                 "swapoff -a, or sysctl vm.swappiness=0");
}

Check lockable(const HostFacts& f) {
  return good_or(make("lockable memory", "memory that may be locked can not be taken away between requests"),
                 limit_text(f.lockable_bytes), f.lockable_bytes >= kLockableBytes, Verdict::kNote,
                 "ulimit -l unlimited, LimitMEMLOCK=infinity, or docker run --ulimit memlock=-1; then run with --lock-memory");
}

Check priority(const HostFacts& f) {
  return good_or(
      make("real-time priority", "SCHED_FIFO threads are not stopped for others of the machine"),
      f.real_time_priority == 0 ? "not allowed" : "up to " + std::to_string(std::min<uint64_t>(f.real_time_priority, 99)),
      f.real_time_priority > 0, Verdict::kNote, "LimitRTPRIO=99 or CAP_SYS_NICE, for services with hard deadlines");
}

Check files(const HostFacts& f) {
  return good_or(make("open files", "each connection takes one; a server that has none left turns clients away"),
                 f.open_files == UINT64_MAX ? "unlimited" : std::to_string(f.open_files), f.open_files >= kOpenFiles,
                 Verdict::kWarning, "ulimit -n 65536 or LimitNOFILE=65536");
}

Check kernel(const HostFacts& f) {
  const bool real_time = f.kernel.find("PREEMPT_RT") != f.kernel.npos;
  return good_or(make("kernel", "a PREEMPT_RT kernel bounds how long it keeps a thread waiting; others do not promise it"),
                 f.kernel.empty() ? "unknown" : f.kernel, real_time, Verdict::kNote,
                 "for hard deadlines: Debian's linux-image-rt-amd64");
}

Check load(const HostFacts& f) {
  Check check = make("load", "more runnable threads than CPUs: some request waits for a neighbour's time slice, 1-4 ms");
  if (!f.load) return check;
  return good_or(std::move(check), text("%.2f runnable threads over the last minute", *f.load), *f.load <= f.cpus + 0.5,
                 Verdict::kWarning, "move other work away, or give it a lower priority (nice 19, SCHED_IDLE)");
}

Check stolen(std::optional<double> steal) {
  Check check = make("stolen time", "the hypervisor ran somebody else while a thread of this machine was ready");
  if (!steal) return check;
  return good_or(std::move(check), text("%.1f %%", 100 * *steal), *steal <= kStealShare, Verdict::kWarning,
                 "a machine type with dedicated CPUs; nothing inside this one helps");
}

Check interrupted(const Interruptions& i) {
  const bool good = i.longest_us <= kLongestUs && i.lost_share <= kLostShare;
  return good_or(make("interruptions", "what a thread that only computes is kept from: no engine can be less late than this"),
                 "longest " + text("%.0f us", i.longest_us) + ", " + text("%.2f %%", 100 * i.lost_share) + " of " +
                     text("%.1f s", i.seconds) + " lost, " + std::to_string(i.over_100us) + " over 100 us",
                 good, Verdict::kWarning, "isolate CPUs, stop neighbours, or accept this as the floor of p99.9");
}

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  constexpr std::string_view kNames[] = {"good", "note", "warning", "unknown"};
  return kNames[static_cast<size_t>(verdict)];
}

std::vector<Check> check_host(const HostFacts& f, const Interruptions& interruptions, std::optional<double> steal) {
  return {instruction_set(f),
          cpus(f),
          quota(f),
          governor(f),
          clocksource(f),
          isolation(f),
          huge_pages(f),
          numa(f),
          swap(f),
          lockable(f),
          priority(f),
          files(f),
          kernel(f),
          load(f),
          stolen(steal),
          interrupted(interruptions)};
}

}  // namespace tercel::doctor
