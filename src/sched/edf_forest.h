#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "sched/types.h"

namespace tercel::sched {

// Where a request stands in a queue: by `at_ns` (a deadline, a latest start), first come first where that is equal.
struct EdfKey {
  TimeNs at_ns = 0;
  uint64_t order = 0;
  auto operator<=>(const EdfKey&) const = default;
};

// Queues in deadline order that can say how much work lies before a point, and whether all of it can still start in time.
// Each is a treap (Seidel & Aragon, "Randomized Search Trees", 1996) whose nodes are the numbers 0..capacity-1, given by
// the caller; a node is in one tree of a forest at most. Priorities are a fixed hash of the node and its order, so the
// same events give the same trees. Every operation takes O(log n) steps and allocates nothing.
//
// Each node carries the work that it brings (`weight_ns`) and its latest start. For a slope s (how much work is done in a
// nanosecond, at most the number of slots), `slack` of a node is s x latest start - the work before it. The smallest slack
// of a tree answers the processor-demand question (Baruah et al. 1990) for every node at once: everything can start
// in time iff s x now + work already running <= smallest slack.
class EdfForest {
 public:
  static constexpr uint32_t kSlopesMax = 3;  // rates of work that slack is kept for
  struct Tree {
    uint32_t root = kNone;
    uint32_t count = 0;
    bool empty() const { return count == 0; }
  };
  struct Item {
    EdfKey key;
    TimeNs latest_ns = kNever;
    TimeNs weight_ns = 0;
    uint32_t rows = 1;
  };
  struct Sums {
    TimeNs weight_ns = 0;
    int64_t rows = 0;
  };

  explicit EdfForest(uint32_t capacity);

  void insert(Tree& tree, uint32_t node, const Item& item);
  void erase(Tree& tree, uint32_t node);

  uint32_t first(const Tree& tree) const;
  // The first nodes in order, as many as `out` holds; returns how many.
  uint32_t first_of(const Tree& tree, std::span<uint32_t> out) const;
  Sums total(const Tree& tree) const;
  Sums before(const Tree& tree, const EdfKey& key) const;

  // The smallest slack for slope `slope` of the nodes behind `key`, or of all; +infinity of none.
  double slack_behind(const Tree& tree, const EdfKey& key, uint32_t slope) const;
  double slack(const Tree& tree, uint32_t slope) const;

  // The slopes, largest first. Trees that hold something must be told with refresh(): O(n), for reservations only.
  void set_slopes(std::span<const double> slopes);
  void refresh(const Tree& tree);
  uint32_t slopes() const { return slope_count_; }
  double slope(uint32_t i) const { return slopes_[i]; }

 private:
  // One cache line: a walk down is what an operation costs. The slack of further slopes lies elsewhere: one slot has one slope.
  struct alignas(64) Node {
    EdfKey key;
    uint32_t left = kNone, right = kNone;
    TimeNs latest_ns = kNever;
    TimeNs weight_ns = 0;
    TimeNs sum_weight_ns = 0;
    double slack = 0;
    uint32_t rows : 8 = 1;
    uint32_t priority : 24 = 0;
    uint32_t sum_rows = 0;
  };
  static_assert(kBatchRowsMax < 256 && uint64_t{kQueuedMax} * kBatchRowsMax < (uint64_t{1} << 32));
  static_assert(sizeof(Node) == 64);
  using FurtherSlack = std::array<double, kSlopesMax - 1>;

  void pull(uint32_t at);
  uint32_t insert_at(uint32_t at, uint32_t node);
  uint32_t erase_at(uint32_t at, const EdfKey& key);
  void split(uint32_t at, const EdfKey& key, uint32_t& left, uint32_t& right);
  uint32_t merge(uint32_t left, uint32_t right);
  void refresh_at(uint32_t at);
  double own_slack(const Node& node, TimeNs before_ns, uint32_t slope) const;
  double slack_of(uint32_t at, uint32_t slope) const { return slope == 0 ? nodes_[at].slack : further_[at][slope - 1]; }

  std::vector<Node> nodes_;
  std::vector<FurtherSlack> further_;
  std::array<double, kSlopesMax> slopes_{1};
  uint32_t slope_count_ = 1;
};

}  // namespace tercel::sched
