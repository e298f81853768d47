#include "sched/edf_forest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

namespace tercel::sched {
namespace {

struct Plain {
  uint32_t node;
  EdfForest::Item item;
};

double plain_slack(const std::vector<Plain>& sorted, size_t from, double slope) {
  double least = std::numeric_limits<double>::infinity();
  TimeNs before = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i >= from && sorted[i].item.latest_ns != kNever) {
      least = std::min(least, slope * static_cast<double>(sorted[i].item.latest_ns) - static_cast<double>(before));
    }
    before += sorted[i].item.weight_ns;
  }
  return least;
}

// Every answer against a sorted list, over random insertions and removals.
TEST(EdfForest, AgreesWithASortedList) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    constexpr uint32_t kNodes = 64;
    EdfForest forest(kNodes);
    const double slopes[] = {3, 2, 1};
    forest.set_slopes(slopes);
    EdfForest::Tree trees[2];
    std::vector<Plain> plain[2];
    std::vector<int> where(kNodes, -1);
    for (uint64_t step = 0; step < 600; ++step) {
      const auto node = static_cast<uint32_t>(random() % kNodes);
      if (where[node] < 0) {
        const int t = static_cast<int>(random() % 2);
        const EdfForest::Item item{{static_cast<TimeNs>(random() % 50), step},
                                   random() % 8 ? static_cast<TimeNs>(random() % 1000) : kNever,
                                   static_cast<TimeNs>(random() % 100),
                                   static_cast<uint32_t>(1 + random() % 4)};
        forest.insert(trees[t], node, item);
        plain[t].push_back({node, item});
        std::sort(plain[t].begin(), plain[t].end(), [](const Plain& a, const Plain& b) { return a.item.key < b.item.key; });
        where[node] = t;
      } else {
        auto& list = plain[where[node]];
        forest.erase(trees[where[node]], node);
        std::erase_if(list, [&](const Plain& p) { return p.node == node; });
        where[node] = -1;
      }
      for (int t = 0; t < 2; ++t) {
        const auto& list = plain[t];
        ASSERT_EQ(trees[t].count, list.size());
        ASSERT_EQ(forest.first(trees[t]), list.empty() ? kNone : list[0].node);
        std::vector<uint32_t> out(5);
        const uint32_t found = forest.first_of(trees[t], out);
        ASSERT_EQ(found, std::min<size_t>(5, list.size()));
        for (uint32_t i = 0; i < found; ++i) ASSERT_EQ(out[i], list[i].node);
        const EdfKey key{static_cast<TimeNs>(random() % 50), step / 2};
        EdfForest::Sums before;
        size_t from = 0;
        for (; from < list.size() && list[from].item.key < key; ++from) {
          before.weight_ns += list[from].item.weight_ns;
          before.rows += list[from].item.rows;
        }
        ASSERT_EQ(forest.before(trees[t], key).weight_ns, before.weight_ns);
        ASSERT_EQ(forest.before(trees[t], key).rows, before.rows);
        if (from < list.size() && list[from].item.key == key) ++from;  // behind the key, not at it
        for (uint32_t s = 0; s < 3; ++s) {
          ASSERT_EQ(forest.slack(trees[t], s), plain_slack(list, 0, slopes[s]));
          ASSERT_EQ(forest.slack_behind(trees[t], key, s), plain_slack(list, from, slopes[s]));
        }
      }
    }
  }
}

TEST(EdfForest, NewSlopesAreTakenOver) {
  EdfForest forest(4);
  EdfForest::Tree tree;
  forest.insert(tree, 0, {{10, 1}, 100, 30, 1});
  forest.insert(tree, 1, {{20, 2}, 110, 30, 1});
  EXPECT_EQ(forest.slack(tree, 0), 80);
  const double slopes[] = {0.5};
  forest.set_slopes(slopes);
  forest.refresh(tree);
  EXPECT_EQ(forest.slack(tree, 0), 25);
}

TEST(EdfForest, StaysShallowWhateverTheOrder) {
  constexpr uint32_t kNodes = 20'000;
  EdfForest forest(kNodes);
  EdfForest::Tree tree;
  for (uint32_t i = 0; i < kNodes; ++i) forest.insert(tree, i, {{static_cast<TimeNs>(i), i}, kNever, 1, 1});
  std::vector<uint32_t> out(kNodes);  // its walk checks the depth
  EXPECT_EQ(forest.first_of(tree, out), kNodes);
  for (uint32_t i = 0; i < kNodes; ++i) ASSERT_EQ(out[i], i);
}

}  // namespace
}  // namespace tercel::sched
