#include "clairvoyant.h"

#include <algorithm>
#include <vector>

namespace tercel::bench {
namespace {

using sched::TimeNs;

struct State {
  uint64_t lost = 0;
  TimeNs finish = 0;
};

// Keeps only states that no other beats in both.
void offer(std::vector<State>& states, const State& state) {
  for (const State& s : states) {
    if (s.lost <= state.lost && s.finish <= state.finish) return;
  }
  std::erase_if(states, [&](const State& s) { return s.lost >= state.lost && s.finish >= state.finish; });
  states.push_back(state);
}

}  // namespace

uint64_t clairvoyant(std::span<const TimeNs> arrivals, TimeNs fixed_ns, TimeNs row_ns, uint32_t batch_max, TimeNs allowed_ns) {
  // Whoever gives up more at once does it in several steps of this many.
  const size_t skip_max = batch_max;
  std::vector<std::vector<State>> ahead(arrivals.size() + 1);
  ahead[0].push_back({});
  for (size_t i = 0; i < arrivals.size(); ++i) {
    for (State from : ahead[i]) {
      from.finish = std::max(from.finish, arrivals[i]);  // idle until then is idle: keeps few states apart
      for (size_t skip = 0; skip <= skip_max && i + skip <= arrivals.size(); ++skip) {
        const size_t first = i + skip;
        if (first == arrivals.size() || skip == skip_max) offer(ahead[first], {from.lost + skip, from.finish});
        for (size_t n = 1; n <= batch_max && first + n <= arrivals.size(); ++n) {
          const TimeNs start = std::max(from.finish, arrivals[first + n - 1]);
          const TimeNs finish = start + fixed_ns + static_cast<TimeNs>(n) * row_ns;
          if (finish > arrivals[first] + allowed_ns) break;
          offer(ahead[first + n], {from.lost + skip, finish});
        }
      }
    }
    std::vector<State>().swap(ahead[i]);
  }
  uint64_t lost = arrivals.size();
  for (const State& s : ahead.back()) lost = std::min(lost, s.lost);
  return arrivals.size() - lost;
}

}  // namespace tercel::bench
