#include "ops/attention.h"

#include <cmath>

#include "kernels/families.h"
#include "kernels/ref/attention_binds.h"
#include "kernels/ref/broadcast.h"
#include "kernels/ref/heads.h"
#include "kernels/ref/visit_float.h"

namespace tercel::kernels {

namespace {

struct AttentionParameters {
  int64_t batch, query_heads, key_heads, queries, keys, past, total, columns, value_columns;
  Heads q, k, v, past_k, past_v, y, present_k, present_v;
  double scale = 1, softcap = 0;
  bool causal = false;
  int64_t score_mode = 0;
  bool has_mask = false, has_past = false, has_lengths = false, mask_is_bool = false;
  DType value_type = DType::kFloat32, mask_type = DType::kFloat32;
  int64_t mask_length = 0;  // of its last axis; 1 repeats
};

AttentionParameters parameters_of(const ops::Attributes& attributes, const ops::AttentionExtents& e) {
  AttentionParameters p{e.batch.size(), e.query_heads.size(), e.key_heads.size(), e.queries.size(),      e.keys.size(),
                        e.past.size(),  e.total().size(),     e.columns.size(),   e.value_columns.size()};
  const auto layout = e.packed ? Heads::packed : Heads::split;
  p.q = layout(p.queries, p.query_heads, p.columns);
  p.k = layout(p.keys, p.key_heads, p.columns);
  p.v = layout(p.keys, p.key_heads, p.value_columns);
  p.y = layout(p.queries, p.query_heads, p.value_columns);
  p.past_k = Heads::split(p.past, p.key_heads, p.columns);
  p.past_v = Heads::split(p.past, p.key_heads, p.value_columns);
  p.present_k = Heads::split(p.total, p.key_heads, p.columns);
  p.present_v = Heads::split(p.total, p.key_heads, p.value_columns);
  p.scale = attributes.has("scale") ? attributes.get_float("scale", 1) : 1 / std::sqrt(static_cast<double>(p.columns));
  p.softcap = attributes.get_float("softcap", 0);
  p.causal = attributes.get_int("is_causal", 0) != 0;
  p.score_mode = attributes.get_int("qk_matmul_output_mode", 0);
  return p;
}

// One row of scores: position (batch, head, i) of the queries, and the scratch that holds it.
struct ScoreRow {
  int64_t batch, head, i;
  int64_t flat;  // among all rows
  double* scores;
};

template <typename T>
const T* key_row(const AttentionParameters& p, const Buffers& buffers, int64_t batch, int64_t head, int64_t j) {
  return j < p.past ? buffers.in<T>(4) + p.past_k.at(batch, head, j) : buffers.in<T>(1) + p.k.at(batch, head, j - p.past);
}
template <typename V>
const V* value_row(const AttentionParameters& p, const Buffers& buffers, int64_t batch, int64_t head, int64_t j) {
  return j < p.past ? buffers.in<V>(5) + p.past_v.at(batch, head, j) : buffers.in<V>(2) + p.v.at(batch, head, j - p.past);
}

// What the masks add to score j of a row: 0, a bias, or minus infinity.
double bias_of(const AttentionParameters& p, const BroadcastPlan& mask, const Buffers& buffers, const ScoreRow& row, int64_t j) {
  constexpr double kMasked = -std::numeric_limits<double>::infinity();
  if (p.causal && j > row.i + p.past) return kMasked;
  if (p.has_lengths && j >= buffers.in<int64_t>(6)[row.batch]) return kMasked;
  if (!p.has_mask) return 0;
  if (j >= p.mask_length && p.mask_length != 1) return kMasked;
  // The plan covers the mask's own length; a mask that is shorter than the keys ends in minus infinity.
  const int64_t at = mask.offset(0, row.flat * p.mask_length + std::min(j, p.mask_length - 1));
  const auto value = load_one<double>(p.mask_type, buffers.inputs[3], at);
  return p.mask_is_bool ? (value != 0 ? 0 : kMasked) : value;
}

template <typename T>
void keep_scores(const AttentionParameters& p, const Buffers& buffers, const ScoreRow& row, int64_t mode) {
  if (p.score_mode != mode || !buffers.outputs[3]) return;
  for (int64_t j = 0; j < p.total; ++j) buffers.out<T>(3)[row.flat * p.total + j] = convert<T>(row.scores[j]);
}

template <typename T, typename V>
void attend(const AttentionParameters& p, const BroadcastPlan& mask, const Buffers& buffers, const ScoreRow& row,
            bool wants_scores) {
  const int64_t key_head = row.head / (p.query_heads / p.key_heads);
  const T* query = buffers.in<T>(0) + p.q.at(row.batch, row.head, row.i);
  for (int64_t j = 0; j < p.total; ++j)
    row.scores[j] = p.scale * dot(query, key_row<T>(p, buffers, row.batch, key_head, j), p.columns);
  if (wants_scores && p.softcap == 0) keep_scores<T>(p, buffers, row, 1);
  if (wants_scores) keep_scores<T>(p, buffers, row, 0);
  if (p.softcap > 0) {
    for (int64_t j = 0; j < p.total; ++j) row.scores[j] = p.softcap * std::tanh(row.scores[j] / p.softcap);
    if (wants_scores) keep_scores<T>(p, buffers, row, 1);
  }
  for (int64_t j = 0; j < p.total; ++j) row.scores[j] += bias_of(p, mask, buffers, row, j);
  if (wants_scores) keep_scores<T>(p, buffers, row, 2);
  softmax_in_place(row.scores, p.total);
  if (wants_scores) keep_scores<T>(p, buffers, row, 3);
  if (!buffers.outputs[0]) return;
  for (int64_t column = 0; column < p.value_columns; ++column) {
    double sum = 0;
    for (int64_t j = 0; j < p.total; ++j)
      sum += row.scores[j] * convert<double>(value_row<V>(p, buffers, row.batch, key_head, j)[column]);
    buffers.out<T>()[p.y.at(row.batch, row.head, row.i) + column] = convert<T>(sum);
  }
}

// The new keys or values behind the past ones.
template <typename T, typename Row>
void store_present(const AttentionParameters& p, const Heads& present, int64_t columns, T* out, Row&& row) {
  for (int64_t batch = 0; batch < p.batch; ++batch)
    for (int64_t head = 0; head < p.key_heads; ++head)
      for (int64_t j = 0; j < p.total; ++j) std::copy_n(row(batch, head, j), columns, out + present.at(batch, head, j));
}

template <typename T, typename V>
Kernel attention_kernel(const StepContext& c, const AttentionParameters& p, const BroadcastPlan& mask) {
  const auto wants = [&](size_t i) { return c.outputs.size() > i && c.outputs[i].present; };
  const auto run = [p, mask, wants_key = wants(1), wants_value = wants(2), wants_scores = wants(3)](const Buffers& buffers) {
    auto* scores = reinterpret_cast<double*>(buffers.scratch);
    for (int64_t row = 0; row < p.batch * p.query_heads * p.queries; ++row)
      attend<T, V>(p, mask, buffers,
                   {row / (p.queries * p.query_heads), row / p.queries % p.query_heads, row % p.queries, row, scores},
                   wants_scores);
    if (wants_key)
      store_present(p, p.present_k, p.columns, buffers.out<T>(1), [&](auto... at) { return key_row<T>(p, buffers, at...); });
    if (wants_value)
      store_present(p, p.present_v, p.value_columns, buffers.out<V>(2),
                    [&](auto... at) { return value_row<V>(p, buffers, at...); });
  };
  return Kernel(run, static_cast<size_t>(p.total) * sizeof(double));
}

Result<Kernel> bind_attention(const StepContext& c) {
  const Shape past = c.has(4) ? c.in(4).shape : Shape{};
  AttentionParameters p = parameters_of(c.attributes, TRY(ops::attention_extents(c.attributes, c.in(0).shape, c.in(1).shape,
                                                                                 c.in(2).shape, c.has(4) ? &past : nullptr)));
  p.has_past = c.has(4);
  p.has_lengths = c.has(6);
  p.has_mask = c.has(3);
  const Shape mask = p.has_mask ? c.in(3).shape : Shape{Dim(1)};
  p.mask_length = mask.size(mask.rank() - 1);
  if (p.has_mask) p.mask_type = c.in(3).dtype;
  p.mask_is_bool = p.has_mask && p.mask_type == DType::kBool;
  const BroadcastPlan plan(Shape{p.batch, p.query_heads, p.queries, p.mask_length}, std::span(&mask, 1));
  return visit_float(c.in(0).dtype, [&]<typename T>() {
    return visit_float(c.in(2).dtype, [&]<typename V>() { return attention_kernel<T, V>(c, p, plan); });
  });
}

// X rotated by the angles of its positions; positions outside the tables give NaN.
Result<Kernel> bind_rotary_embedding(const StepContext& c) {
  const ops::RotaryExtents e = TRY(ops::rotary_extents(c.attributes, c.in(0).shape));
  const int64_t batches = e.batch.size(), heads = e.heads.size(), length = e.sequence.size(), columns = e.columns.size(),
                half = e.rotated / 2;
  const Heads layout = e.packed ? Heads::packed(length, heads, columns) : Heads::split(length, heads, columns);
  const bool interleaved = c.attributes.get_int("interleaved", 0) != 0;
  return Kernel([=, type = c.in(0).dtype, has_positions = c.has(3), table_rows = c.in(1).shape.size(0)](const Buffers& buffers) {
    const auto rotate = [&](int64_t start, int64_t table_row) {
      for (int64_t i = 0; i < half; ++i) {
        const int64_t a = start + (interleaved ? 2 * i : i), b = start + (interleaved ? 2 * i + 1 : i + half);
        const bool known = table_row >= 0;
        const double cosine = known ? load_one<double>(type, buffers.inputs[1], table_row * half + i) : std::nan("");
        const double sine = known ? load_one<double>(type, buffers.inputs[2], table_row * half + i) : std::nan("");
        const auto x = load_one<double>(type, buffers.inputs[0], a), y = load_one<double>(type, buffers.inputs[0], b);
        store_one(type, buffers.outputs[0], a, cosine * x - sine * y);
        store_one(type, buffers.outputs[0], b, sine * x + cosine * y);
      }
      for (int64_t i = 2 * half; i < columns; ++i)
        store_one(type, buffers.outputs[0], start + i, load_one<double>(type, buffers.inputs[0], start + i));
    };
    for (int64_t batch = 0; batch < batches; ++batch) {
      for (int64_t s = 0; s < length; ++s) {
        int64_t row = batch * length + s;
        if (has_positions) {
          row = buffers.in<int64_t>(3)[row];
          if (row < 0 || row >= table_rows) row = -1;
        }
        for (int64_t head = 0; head < heads; ++head) rotate(layout.at(batch, head, s), row);
      }
    }
  });
}

constexpr KernelRow row(std::string_view op, std::string_view name, Result<Kernel> (*bind)(const StepContext&)) {
  return {op, name, platform::kPortable, nullptr, bind};
}

constexpr KernelRow kRows[] = {
    row("Attention", "attention/ref", bind_attention),
    row("CausalConvWithState", "causalconvwithstate/ref", bind_causal_conv),
    row("LinearAttention", "linearattention/ref", bind_linear_attention),
    row("RotaryEmbedding", "rotaryembedding/ref", bind_rotary_embedding),
};

}  // namespace

std::span<const KernelRow> ref_attention_rows() { return kRows; }

}  // namespace tercel::kernels
