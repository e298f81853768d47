#include "ops/attention.h"

#include "ops/registry.h"
#include "ops/rules.h"

namespace tercel::ops {

namespace {

constexpr int64_t kHeadsMax = int64_t{1} << 24;

Result<int64_t> heads_of(const Attributes& attributes, std::string_view name) {
  const int64_t heads = TRY(need_int(attributes, name));
  if (heads < 1 || heads > kHeadsMax)
    return invalid("attribute '" + std::string(name) + "' is " + std::to_string(heads) + "; it must be at least 1");
  return heads;
}

// Columns of one head.
Result<Dim> per_head(Dim hidden, int64_t heads, std::string_view what) {
  if (hidden.is_known() && hidden.size() % heads)
    return invalid(std::string(what) + " has " + std::to_string(hidden.size()) + " columns, which " + std::to_string(heads) +
                   " heads do not divide");
  return floor_divide(hidden, heads);
}

}  // namespace

Result<AttentionExtents> attention_extents(const Attributes& attributes, const Shape& q, const Shape& k, const Shape& v,
                                           const Shape* past_key) {
  AttentionExtents e;
  e.packed = q.rank() == 3;
  if ((q.rank() != 3 && q.rank() != 4) || k.rank() != q.rank() || v.rank() != q.rank())
    return invalid("Q " + to_string(q) + ", K " + to_string(k) + " and V " + to_string(v) +
                   " must all have rank 3 or all have rank 4");
  const int sequence = e.packed ? 1 : 2, last = q.rank() - 1;
  e.batch = TRY(unify(TRY(unify(q[0], k[0], "the batches of Q and K")), v[0], "the batches of K and V"));
  e.queries = q[sequence];
  e.keys = TRY(unify(k[sequence], v[sequence], "the sequence lengths of K and V"));
  Dim key_columns;
  if (e.packed) {
    const int64_t query_heads = TRY(heads_of(attributes, "q_num_heads")), key_heads = TRY(heads_of(attributes, "kv_num_heads"));
    e.query_heads = Dim(query_heads);
    e.key_heads = Dim(key_heads);
    e.columns = TRY(per_head(q[last], query_heads, "Q"));
    key_columns = TRY(per_head(k[last], key_heads, "K"));
    e.value_columns = TRY(per_head(v[last], key_heads, "V"));
  } else {
    e.query_heads = q[1];
    e.key_heads = TRY(unify(k[1], v[1], "the heads of K and V"));
    e.columns = q[last];
    key_columns = k[last];
    e.value_columns = v[last];
  }
  e.columns = TRY(unify(e.columns, key_columns, "the head sizes of Q and K"));
  if (e.query_heads.is_known() && e.key_heads.is_known() &&
      (e.key_heads.size() == 0 || e.query_heads.size() % e.key_heads.size()))
    return invalid(std::to_string(e.query_heads.size()) + " query heads are not a multiple of " +
                   std::to_string(e.key_heads.size()) + " key heads");
  e.past = past_key ? (*past_key)[2] : Dim(0);
  return e;
}

Result<RotaryExtents> rotary_extents(const Attributes& attributes, const Shape& x) {
  RotaryExtents e;
  e.packed = x.rank() == 3;
  if (e.packed) {
    const int64_t heads = TRY(heads_of(attributes, "num_heads"));
    e = {x[0], Dim(heads), x[1], TRY(per_head(x[2], heads, "X")), 0, true};
  } else if (x.rank() == 4) {
    e = {x[0], x[1], x[2], x[3], 0, false};
  } else {
    return invalid("X has shape " + to_string(x) + "; its rank must be 3 or 4");
  }
  e.rotated = attributes.get_int("rotary_embedding_dim", 0);
  if (e.rotated == 0 && e.columns.is_known()) e.rotated = e.columns.size();
  if (e.rotated < 0 || e.rotated % 2 || (e.columns.is_known() && e.rotated > e.columns.size()))
    return invalid(std::to_string(e.rotated) + " columns cannot rotate: an even number, at most the head size, is needed");
  return e;
}

namespace {

Result<void> want_extents(const InferContext& c, size_t input, const Shape& wanted, std::string_view what) {
  if (!c.has(input)) return {};
  TRY(want_rank(c, input, wanted.rank(), wanted.rank()));
  for (int i = 0; i < wanted.rank(); ++i)
    TRY(unify(c.shape(input)[i], wanted[i], std::string("extents of ") + std::string(what)));
  return {};
}

// The mask broadcasts to [batch, heads, queries, total]; its last axis may be shorter.
Result<void> want_mask(const InferContext& c, const AttentionExtents& e) {
  if (!c.has(3)) return {};
  TRY(want_rank(c, 3, 1, 4));
  const Shape scores{e.batch, e.query_heads, e.queries, e.total()};
  const Shape& mask = c.shape(3);
  for (int i = 0; i < mask.rank(); ++i) {
    const int at = i + 4 - mask.rank();
    const bool shorter = at == 3 && mask[i].is_known() && scores[3].is_known() && mask[i].size() <= scores[3].size();
    if (!(mask[i] == Dim(1)) && !shorter && !may_equal(mask[i], scores[at]))
      return invalid("the mask " + to_string(mask) + " does not broadcast to " + to_string(scores));
  }
  return {};
}

Result<void> infer_attention(InferContext& c) {
  for (size_t i : {0, 1, 2}) TRY(want_type(c, i, kFloatTypes));
  TRY(want_same_dtype(c, 0, 1));
  TRY(want_type(c, 6, type_set({DType::kInt64})));
  if (c.has(4) != c.has(5)) return invalid("past_key and past_value go together");
  for (size_t i : {4, 5})
    if (c.has(i)) TRY(want_rank(c, i, 4, 4));
  const Shape past = c.has(4) ? c.shape(4) : Shape{};
  const AttentionExtents e =
      TRY(attention_extents(c.attributes(), c.shape(0), c.shape(1), c.shape(2), c.has(4) ? &past : nullptr));
  TRY(want_mask(c, e));
  TRY(want_extents(c, 4, {e.batch, e.key_heads, e.past, e.columns}, "past_key"));
  TRY(want_extents(c, 5, {e.batch, e.key_heads, e.past, e.value_columns}, "past_value"));
  for (size_t i : {4, 5})
    if (c.has(i) && c.dtype(i) != c.dtype(i - 3)) return invalid(describe(c, i) + " must have the type of K or V");
  if (c.has(6)) {
    TRY(want_extents(c, 6, {e.batch}, "nonpad_kv_seqlen"));
    if (c.has(4)) return invalid("nonpad_kv_seqlen and past_key exclude each other");
  }
  const int64_t mode = c.attributes().get_int("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3) return invalid("attribute 'qk_matmul_output_mode' must be 0..3");
  TRY(emit(c, 0, c.dtype(0),
           e.packed ? Shape{e.batch, e.queries, e.query_heads * e.value_columns}
                    : Shape{e.batch, e.query_heads, e.queries, e.value_columns}));
  TRY(emit(c, 1, c.dtype(1), Shape{e.batch, e.key_heads, e.total(), e.columns}));
  TRY(emit(c, 2, c.dtype(2), Shape{e.batch, e.key_heads, e.total(), e.value_columns}));
  return emit(c, 3, c.dtype(0), Shape{e.batch, e.query_heads, e.queries, e.total()});
}

double flops_attention(const Attributes& attributes, std::span<const TensorType> inputs, std::span<const TensorType>) {
  if (inputs.size() < 3) return 0;
  const Shape* past = inputs.size() > 4 && inputs[4].shape.rank() == 4 ? &inputs[4].shape : nullptr;
  const auto e = attention_extents(attributes, inputs[0].shape, inputs[1].shape, inputs[2].shape, past);
  if (!e) return 0;
  double work = 2;
  for (Dim extent : {e->batch, e->query_heads, e->queries, e->total()})
    work *= extent.is_known() ? static_cast<double>(extent.size()) : 1.0;
  const Dim columns = e->columns + e->value_columns;
  return columns.is_known() ? work * static_cast<double>(columns.size()) : work;
}

Result<void> infer_rotary_embedding(InferContext& c) {
  constexpr TypeSet kTypes = kFloatTypes;
  TRY(want_type(c, 0, kTypes));
  TRY(want_same_dtype(c, 0, 2));
  TRY(want_type(c, 3, type_set({DType::kInt64})));
  const RotaryExtents e = TRY(rotary_extents(c.attributes(), c.shape(0)));
  const Dim half = e.columns.is_known() || e.rotated ? Dim(e.rotated / 2) : Dim::unknown();
  for (size_t i : {1, 2}) {
    if (c.has(3)) TRY(want_extents(c, i, {Dim::unknown(), half}, "the cosine and sine tables"));
    else TRY(want_extents(c, i, {e.batch, e.sequence, half}, "the cosine and sine tables"));
  }
  TRY(unify(c.shape(1)[0], c.shape(2)[0], "the lengths of the cosine and sine tables"));
  TRY(want_extents(c, 3, {e.batch, e.sequence}, "the position ids"));
  return emit(c, 0, c.dtype(0), c.shape(0));
}

// query, key, value [B, T, heads * columns], optional past state, decay, beta.
Result<void> infer_linear_attention(InferContext& c) {
  for (size_t i = 0; i < 6; ++i) TRY(want_type(c, i, kFloatTypes));
  for (size_t i : {1, 2, 4, 5})
    if (c.has(i) && c.dtype(i) != c.dtype(0)) return invalid(describe(c, i) + " must have the type of the query");
  const std::string_view rule = c.attributes().get_string("update_rule", "gated_delta");
  const bool gated = rule == "gated" || rule == "gated_delta", delta = rule == "delta" || rule == "gated_delta";
  if (!gated && !delta && rule != "linear") return invalid("attribute 'update_rule' must be linear, gated, delta or gated_delta");
  if (c.has(4) != gated) return invalid("the input decay goes with the update rules gated and gated_delta");
  if (c.has(5) != delta) return invalid("the input beta goes with the update rules delta and gated_delta");
  for (size_t i : {0, 1, 2}) TRY(want_rank(c, i, 3, 3));
  const AttentionExtents e = TRY(attention_extents(c.attributes(), c.shape(0), c.shape(1), c.shape(2), nullptr));
  TRY(unify(e.queries, e.keys, "the sequence lengths of query and key"));
  TRY(want_extents(c, 3, {e.batch, e.key_heads, e.columns, e.value_columns}, "the past state"));
  TRY(want_extents(c, 4, {e.batch, e.queries, Dim::unknown()}, "decay"));
  TRY(want_extents(c, 5, {e.batch, e.queries, Dim::unknown()}, "beta"));
  const auto last_is = [&](size_t input, Dim a, Dim b) {
    return !c.has(input) || may_equal(c.shape(input)[2], a) || may_equal(c.shape(input)[2], b);
  };
  if (!last_is(4, e.key_heads, e.key_heads * e.columns))
    return invalid(describe(c, 4) + ": the last extent must be kv_num_heads, or times the head size");
  if (!last_is(5, e.key_heads, Dim(1))) return invalid(describe(c, 5) + ": the last extent must be kv_num_heads or 1");
  TRY(emit(c, 0, c.dtype(0), Shape{e.batch, e.queries, e.query_heads * e.value_columns}));
  return emit(c, 1, c.has(3) ? c.dtype(3) : c.dtype(0), Shape{e.batch, e.key_heads, e.columns, e.value_columns});
}

// input [B, C, L], weight [C, 1, k], optional bias [C], optional past state [B, C, k - 1].
Result<void> infer_causal_conv(InferContext& c) {
  TRY(want_type(c, 0, kFloatTypes));
  TRY(want_same_dtype(c, 0, 3));
  const std::string_view activation = c.attributes().get_string("activation", "none");
  if (activation != "none" && activation != "silu" && activation != "swish")
    return invalid("attribute 'activation' must be none, silu or swish");
  for (size_t i : {0, 1}) TRY(want_rank(c, i, 3, 3));
  const Shape &x = c.shape(0), &w = c.shape(1);
  const Dim channels = TRY(unify(x[1], w[0], "the channels of the input and the weight"));
  TRY(unify(w[1], Dim(1), "the middle extent of the weight and 1"));
  if (w[2] == Dim(0)) return invalid("the weight has no taps");
  const Dim state = w[2].is_known() ? Dim(w[2].size() - 1) : Dim::unknown();
  TRY(want_extents(c, 2, {channels}, "the bias"));
  TRY(want_extents(c, 3, {x[0], channels, state}, "the past state"));
  TRY(emit(c, 0, c.dtype(0), x));
  return emit(c, 1, c.dtype(0), Shape{x[0], channels, state});
}

double flops_causal_conv(const Attributes&, std::span<const TensorType> inputs, std::span<const TensorType> outputs) {
  const Shape& w = inputs[1].shape;
  return w.rank() == 3 ? 2.0 * static_cast<double>(w.size(2)) * static_cast<double>(outputs[0].shape.elements()) : 0;
}

constexpr OpDef kOps[] = {
    {"Attention", 3, 7, 1, 4, infer_attention, flops_attention},
    {"CausalConvWithState", 2, 4, 1, 2, infer_causal_conv, flops_causal_conv},
    {"LinearAttention", 3, 6, 1, 2, infer_linear_attention},
    {"RotaryEmbedding", 3, 4, 1, 1, infer_rotary_embedding},
};

}  // namespace

std::span<const OpDef> attention_ops() { return kOps; }

}  // namespace tercel::ops
