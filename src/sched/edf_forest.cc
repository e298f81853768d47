#include "sched/edf_forest.h"

#include <algorithm>
#include <limits>

#include "base/result.h"

namespace tercel::sched {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// splitmix64 (Steele, Lea & Flood 2014): spreads consecutive numbers over all of 64 bits.
uint32_t hashed(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return static_cast<uint32_t>(x ^ (x >> 31));
}

}  // namespace

EdfForest::EdfForest(uint32_t capacity) : nodes_(capacity), further_(capacity) {}

void EdfForest::set_slopes(std::span<const double> slopes) {
  check(!slopes.empty() && slopes.size() <= kSlopesMax, "slopes of an EdfForest");
  std::copy(slopes.begin(), slopes.end(), slopes_.begin());
  slope_count_ = static_cast<uint32_t>(slopes.size());
}

double EdfForest::own_slack(const Node& node, TimeNs before_ns, uint32_t slope) const {
  if (node.latest_ns == kNever) return kInfinity;
  return slopes_[slope] * static_cast<double>(node.latest_ns) - static_cast<double>(before_ns);
}

void EdfForest::pull(uint32_t at) {
  Node& n = nodes_[at];
  const Node* const l = n.left == kNone ? nullptr : &nodes_[n.left];
  const Node* const r = n.right == kNone ? nullptr : &nodes_[n.right];
  const TimeNs before = l ? l->sum_weight_ns : 0;
  const TimeNs through = before + n.weight_ns;
  n.sum_weight_ns = through + (r ? r->sum_weight_ns : 0);
  n.sum_rows = n.rows + (l ? l->sum_rows : 0) + (r ? r->sum_rows : 0);
  for (uint32_t s = 0; s < slope_count_; ++s) {
    double slack = own_slack(n, before, s);
    if (l) slack = std::min(slack, slack_of(n.left, s));
    if (r) slack = std::min(slack, slack_of(n.right, s) - static_cast<double>(through));
    (s == 0 ? n.slack : further_[at][s - 1]) = slack;
  }
}

void EdfForest::split(uint32_t at, const EdfKey& key, uint32_t& left, uint32_t& right) {
  if (at == kNone) {
    left = right = kNone;
  } else if (nodes_[at].key < key) {
    split(nodes_[at].right, key, nodes_[at].right, right);
    left = at;
    pull(at);
  } else {
    split(nodes_[at].left, key, left, nodes_[at].left);
    right = at;
    pull(at);
  }
}

uint32_t EdfForest::merge(uint32_t left, uint32_t right) {
  if (left == kNone) return right;
  if (right == kNone) return left;
  if (nodes_[left].priority > nodes_[right].priority) {
    nodes_[left].right = merge(nodes_[left].right, right);
    pull(left);
    return left;
  }
  nodes_[right].left = merge(left, nodes_[right].left);
  pull(right);
  return right;
}

uint32_t EdfForest::insert_at(uint32_t at, uint32_t node) {
  if (at == kNone) {
    pull(node);
    return node;
  }
  if (nodes_[node].priority > nodes_[at].priority) {
    uint32_t left = kNone, right = kNone;
    split(at, nodes_[node].key, left, right);
    nodes_[node].left = left;
    nodes_[node].right = right;
    pull(node);
    return node;
  }
  if (nodes_[node].key < nodes_[at].key) nodes_[at].left = insert_at(nodes_[at].left, node);
  else nodes_[at].right = insert_at(nodes_[at].right, node);
  pull(at);
  return at;
}

uint32_t EdfForest::erase_at(uint32_t at, const EdfKey& key) {
  check(at != kNone, "erasing a node that is not in the tree");
  Node& n = nodes_[at];
  if (n.key == key) return merge(n.left, n.right);
  if (key < n.key) n.left = erase_at(n.left, key);
  else n.right = erase_at(n.right, key);
  pull(at);
  return at;
}

void EdfForest::insert(Tree& tree, uint32_t node, const Item& item) {
  Node& n = nodes_[node];
  n.key = item.key;
  n.latest_ns = item.latest_ns;
  n.weight_ns = item.weight_ns;
  n.rows = item.rows & 0xff;
  n.priority = hashed(item.key.order * nodes_.size() + node) >> 8;
  n.left = n.right = kNone;
  tree.root = insert_at(tree.root, node);
  ++tree.count;
}

void EdfForest::erase(Tree& tree, uint32_t node) {
  tree.root = erase_at(tree.root, nodes_[node].key);
  --tree.count;
}

uint32_t EdfForest::first(const Tree& tree) const {
  uint32_t at = tree.root;
  while (at != kNone && nodes_[at].left != kNone) at = nodes_[at].left;
  return at;
}

uint32_t EdfForest::first_of(const Tree& tree, std::span<uint32_t> out) const {
  // Depth of a treap of 2^20 nodes: about 60 with overwhelming probability; 128 cannot be reached in practice.
  std::array<uint32_t, 128> trail;
  uint32_t depth = 0, found = 0, at = tree.root;
  while (found < out.size() && (at != kNone || depth > 0)) {
    while (at != kNone) {
      check(depth < trail.size(), "a treap deeper than its nodes allow");
      trail[depth++] = at;
      at = nodes_[at].left;
    }
    at = trail[--depth];
    out[found++] = at;
    at = nodes_[at].right;
  }
  return found;
}

EdfForest::Sums EdfForest::total(const Tree& tree) const {
  return tree.root == kNone ? Sums{} : Sums{nodes_[tree.root].sum_weight_ns, nodes_[tree.root].sum_rows};
}

EdfForest::Sums EdfForest::before(const Tree& tree, const EdfKey& key) const {
  Sums sums;
  for (uint32_t at = tree.root; at != kNone;) {
    const Node& n = nodes_[at];
    if (!(n.key < key)) {
      at = n.left;
      continue;
    }
    sums.weight_ns += n.weight_ns;
    sums.rows += n.rows;
    if (n.left != kNone) {
      sums.weight_ns += nodes_[n.left].sum_weight_ns;
      sums.rows += nodes_[n.left].sum_rows;
    }
    at = n.right;
  }
  return sums;
}

double EdfForest::slack(const Tree& tree, uint32_t slope) const {
  return tree.root == kNone ? kInfinity : slack_of(tree.root, slope);
}

double EdfForest::slack_behind(const Tree& tree, const EdfKey& key, uint32_t slope) const {
  double least = kInfinity;
  TimeNs before = 0;  // work in front of the subtree at `at`
  for (uint32_t at = tree.root; at != kNone;) {
    const Node& n = nodes_[at];
    const TimeNs own_before = before + (n.left == kNone ? 0 : nodes_[n.left].sum_weight_ns);
    const TimeNs through = own_before + n.weight_ns;
    if (key < n.key) {
      least = std::min(least, own_slack(n, own_before, slope));
      if (n.right != kNone) least = std::min(least, slack_of(n.right, slope) - static_cast<double>(through));
      at = n.left;
    } else {
      before = through;
      at = n.right;
    }
  }
  return least;
}

void EdfForest::refresh_at(uint32_t at) {
  if (at == kNone) return;
  refresh_at(nodes_[at].left);
  refresh_at(nodes_[at].right);
  pull(at);
}

void EdfForest::refresh(const Tree& tree) { refresh_at(tree.root); }

}  // namespace tercel::sched
