// NonMaxSuppression.
#include <algorithm>
#include <cmath>

#include "ops/image.h"
#include "ops/indexing.h"
#include "ops/rules.h"

namespace tercel::ops {

namespace {

struct Box {
  float y_min, x_min, y_max, x_max;
  float area() const { return (y_max - y_min) * (x_max - x_min); }
};

Box box_at(const float* p, bool center_point) {
  if (center_point) return {p[1] - p[3] / 2, p[0] - p[2] / 2, p[1] + p[3] / 2, p[0] + p[2] / 2};
  return {std::min(p[0], p[2]), std::min(p[1], p[3]), std::max(p[0], p[2]), std::max(p[1], p[3])};
}

// In float, like the tools that models are compared with: a box exactly at the threshold stays.
bool overlaps(const Box& a, const Box& b, float threshold) {
  const float height = std::min(a.y_max, b.y_max) - std::max(a.y_min, b.y_min);
  const float width = std::min(a.x_max, b.x_max) - std::max(a.x_min, b.x_min);
  if (!(height > 0) || !(width > 0)) return false;
  const float common = height * width, together = a.area() + b.area() - common;
  return common > 0 && together > 0 && common / together > threshold;
}

// Boxes of one class, best first; equal scores by position, NaN last. Returns how many are candidates at all.
int64_t sort_candidates(const BoxSelection& s, const float* scores, std::span<int64_t> order) {
  int64_t count = 0;
  for (int64_t i = 0; i < s.boxes; ++i)
    if (!s.has_score_threshold || scores[i] > s.score_threshold) order[static_cast<size_t>(count++)] = i;
  std::sort(order.begin(), order.begin() + count, [&](int64_t a, int64_t b) {
    if (scores[a] > scores[b] || (std::isnan(scores[b]) && !std::isnan(scores[a]))) return true;
    if (scores[b] > scores[a] || (std::isnan(scores[a]) && !std::isnan(scores[b]))) return false;
    return a < b;
  });
  return count;
}

}  // namespace

BoxSelection box_selection(const Attributes& attributes, const Shape& scores, int64_t per_class_max, const float* iou,
                           const float* score) {
  BoxSelection s{scores.size(0), scores.size(1), scores.size(2), std::max<int64_t>(per_class_max, 0)};
  s.center_point = attributes.get_int("center_point_box", 0) == 1;
  if (iou) s.iou_threshold = *iou;
  s.has_score_threshold = score != nullptr;
  if (score) s.score_threshold = *score;
  return s;
}

int64_t select_boxes(const BoxSelection& s, const float* boxes, const float* scores, std::span<int64_t> order, int64_t* rows,
                     int64_t room) {
  int64_t total = 0;
  for (int64_t group = 0; group < s.batches * s.classes; ++group) {
    const float* own = boxes + group / s.classes * s.boxes * 4;
    const int64_t candidates = sort_candidates(s, scores + group * s.boxes, order);
    // The front of `order` keeps the boxes taken so far: never more than were looked at.
    int64_t taken = 0;
    for (int64_t i = 0; i < candidates && taken < s.per_class_max; ++i) {
      const int64_t box = order[static_cast<size_t>(i)];
      const Box candidate = box_at(own + box * 4, s.center_point);
      const bool free = std::none_of(order.begin(), order.begin() + taken, [&](int64_t other) {
        return overlaps(candidate, box_at(own + other * 4, s.center_point), s.iou_threshold);
      });
      if (!free) continue;
      order[static_cast<size_t>(taken++)] = box;
      if (total < room) {
        rows[total * 3] = group / s.classes;
        rows[total * 3 + 1] = group % s.classes;
        rows[total * 3 + 2] = box;
      }
      ++total;
    }
  }
  return total;
}

Result<void> infer_non_max_suppression(InferContext& context) {
  TRY(want_inputs(context, 2));
  for (size_t i : {0, 1, 3, 4}) TRY(want_type(context, i, type_set({DType::kFloat32})));
  TRY(want_type(context, 2, kIndexTypes));
  for (size_t i : {2, 3, 4}) TRY(want_one_element(context, i));
  for (size_t i : {0, 1}) TRY(want_rank(context, i, 3, 3));
  TRY(unify(context.shape(0)[2], Dim(4), "the numbers of a box"));
  TRY(unify(context.shape(0)[0], context.shape(1)[0], "the batch sizes of boxes and scores"));
  TRY(unify(context.shape(0)[1], context.shape(1)[2], "the counts of boxes and scores"));
  std::array<Tensor, 5> values;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!context.has(i)) continue;
    if (!context.value(i)) return needs_value(context, 0, DType::kInt64, std::array{Dim::unknown(), Dim(3)}, i);
    values[i] = TRY(context.value(i)->aligned());
  }
  const int64_t most = context.has(2) ? TRY(one_integer(values[2], "max_output_boxes_per_class")) : 0;
  const BoxSelection s =
      box_selection(context.attributes(), values[1].shape(), most, context.has(3) ? values[3].as<float>() : nullptr,
                    context.has(4) ? values[4].as<float>() : nullptr);
  std::vector<int64_t> order(static_cast<size_t>(s.boxes));
  const int64_t count = select_boxes(s, values[0].as<float>(), values[1].as<float>(), order, nullptr, 0);
  return set_shape(context, 0, DType::kInt64, std::array{Dim(count), Dim(3)});
}

}  // namespace tercel::ops
