#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "sched/ratio_window.h"
#include "sched/types.h"

namespace tercel::sched {

// What a plan measured of itself: one bucket, one thread count.
struct CostPoint {
  uint32_t threads = 1, rows = 1;
  TimeNs p50_ns = 0, p99_ns = 0;
  TimeNs worst_ns = 0;  // the longest seen; 0: take p99
};

// Predicts how long a batch of one variant computes. The prior is the plan's own measurement, interpolated between its
// buckets; runs that were measured correct it by the ratio they took of the prior's median: `expected` is the median of the
// last 16, `high` the third largest of the last 128 (two outliers move nothing, three slow runs raise it) and a quarter of
// its distance from their median, since 128 runs do not show a tail. Ratios are kept by power-of-two range of rows. A range with
// fewer than eight runs of its own takes the median ratio of all runs, and adds what runs of any size took above theirs: what
// holds a run up, another process or an interrupt, does so for as long whatever its size. Not for two threads at once; observe()
// allocates nothing.
class CostModel {
 public:
  // Points in any order; each thread count that occurs must have one. Nothing is predicted below `floor_ns`; 0 stands for
  // half of the prior's median. Refuses what is empty, not positive, or out of range.
  static Result<CostModel> make(std::span<const CostPoint> points, uint32_t rows_max, TimeNs floor_ns = 0);

  uint32_t rows_max() const { return rows_max_; }
  // Thread counts, ascending; a `choice` below is a position in them.
  uint32_t choices() const { return static_cast<uint32_t>(choices_.size()); }
  uint32_t threads(uint32_t choice) const { return choices_[choice].threads; }

  TimeNs expected(uint32_t rows, uint32_t choice = 0) const { return choices_[choice].expected[rows]; }
  TimeNs high(uint32_t rows, uint32_t choice = 0) const { return choices_[choice].high[rows]; }
  // The declared worst case: of the prior, never corrected. What reservations are tested with.
  TimeNs worst(uint32_t rows, uint32_t choice = 0) const { return choices_[choice].worst[rows]; }
  // The median that the plan measured, never corrected: what observed times are compared with.
  TimeNs prior(uint32_t rows, uint32_t choice = 0) const { return choices_[choice].prior[rows]; }
  // The most rows, up to `rows`, whose high cost fits into `budget_ns`; 0 when none does.
  uint32_t rows_within(TimeNs budget_ns, uint32_t rows, uint32_t choice = 0) const;
  // The same by the declared worst case.
  uint32_t rows_blocking(TimeNs allowance_ns, uint32_t rows, uint32_t choice = 0) const;

  void observe(uint32_t rows, uint32_t choice, TimeNs measured_ns);

 private:
  using Recent = RatioWindow<16>;
  using Long = RatioWindow<128>;
  struct Range {
    Recent recent{1};
    Long history{1};
  };
  struct Choice {
    uint32_t threads = 1;
    std::vector<TimeNs> prior, floor, worst, expected, high;  // by rows, 0 unused; never falling
    Recent all{1};
    Long above{1};              // 1 + what runs took above their expected time, in times of one row's
    std::vector<Range> ranges;  // by floor(log2(rows))
  };

  static Choice choice_of(std::span<const CostPoint> points, uint32_t threads, uint32_t rows_max, TimeNs floor_ns);
  static void predict(Choice& choice);

  uint32_t rows_max_ = 0;
  std::vector<Choice> choices_;
};

}  // namespace tercel::sched
