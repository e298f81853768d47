/* com.example.Biquad: a cascade of second-order filters along the last axis, which ONNX has no operator for.
 *
 *   inputs      x         float32 [..., time]
 *               sections  float32 [sections, 6]: b0 b1 b2 a0 a1 a2 of each, as scipy.signal writes them; a constant
 *   output      y         as x
 *   attribute   reverse   int, 1: from the end to the beginning (once each way leaves no delay); 0 when it is not given
 *
 *   cc -O3 -shared -fPIC biquad.c -o biquad.so $(pkg-config --cflags tercel)
 *   tercel compile filter.onnx --operators ./biquad.so -o filter.plan
 *   tercel bench filter.plan --operators ./biquad.so
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <tercel/operator.h>

static tercel_status refuse(tercel_error* error, const char* sentence) {
  snprintf(error->message, sizeof error->message, "%s", sentence);
  return TERCEL_INVALID;
}

/* y has the type of x, whatever is known of it by now. */
static tercel_status infer(const tercel_operator_node* node, tercel_error* error) {
  const tercel_tensor *x = node->inputs[0], *sections = node->inputs[1];
  if (x->dtype != TERCEL_FLOAT32 || sections->dtype != TERCEL_FLOAT32) return refuse(error, "x and sections must be float32");
  if (x->rank < 1) return refuse(error, "x must have an axis of time");
  if (sections->rank != 2 || (sections->dims[1] >= 0 && sections->dims[1] != 6))
    return refuse(error, "sections must have the shape [sections, 6]");
  tercel_tensor* y = node->outputs[0];
  y->dtype = x->dtype;
  y->rank = x->rank;
  for (int i = 0; i < x->rank; ++i) y->dims[i] = x->dims[i];
  return TERCEL_OK;
}

typedef struct {
  double b0, b1, b2, a1, a2;
} section;

typedef struct {
  int64_t channels, time, section_count;
  int reverse;
  section sections[];
} filter;

/* Sizes and coefficients, once. */
static tercel_status prepare(const tercel_operator_node* node, tercel_prepared* prepared, tercel_error* error) {
  const tercel_tensor *x = node->inputs[0], *sections = node->inputs[1];
  int64_t reverse = 0;
  if (node->ask->attribute_int(node->node, "reverse", &reverse) == TERCEL_INVALID)
    return refuse(error, "the attribute reverse must be an int");
  const float* values = sections->data;
  if (!values) return refuse(error, "sections must be a constant");
  const int64_t count = sections->dims[0];
  filter* f = malloc(sizeof *f + (size_t)count * sizeof(section));
  if (!f) {
    refuse(error, "there is not enough memory for the sections");
    return TERCEL_EXHAUSTED;
  }
  *f = (filter){.channels = 1, .time = x->dims[x->rank - 1], .section_count = count, .reverse = reverse != 0};
  for (int i = 0; i + 1 < x->rank; ++i) f->channels *= x->dims[i];
  if (f->channels > INT32_MAX) {
    free(f);
    return refuse(error, "x has more than 2^31 channels");
  }
  for (int64_t s = 0; s < count; ++s) {
    const float* v = values + 6 * s;
    const double a0 = v[3];
    int finite = a0 != 0;
    for (int i = 0; i < 6; ++i) finite &= isfinite(v[i]) != 0;
    if (!finite) {
      free(f);
      return refuse(error, "sections must be finite, and a0 of each not 0");
    }
    f->sections[s] = (section){v[0] / a0, v[1] / a0, v[2] / a0, v[4] / a0, v[5] / a0};
  }
  prepared->state = f;
  return TERCEL_OK;
}

typedef struct {
  const filter* f;
  const float* x;
  float* y;
} work;

/* One channel: sections in turn, in double, so that slow filters keep their poles (direct form II transposed). */
static void filter_channel(void* user, int32_t channel, int32_t worker) {
  (void)worker;
  const work* w = user;
  const filter* f = w->f;
  const float* from = w->x + channel * f->time;
  float* to = w->y + channel * f->time;
  for (int64_t t = 0; t < f->time; ++t) to[t] = from[t];
  for (int64_t s = 0; s < f->section_count; ++s) {
    const section c = f->sections[s];
    double z1 = 0, z2 = 0;
    for (int64_t i = 0; i < f->time; ++i) {
      const int64_t t = f->reverse ? f->time - 1 - i : i;
      const double in = to[t], out = c.b0 * in + z1;
      z1 = c.b1 * in - c.a1 * out + z2;
      z2 = c.b2 * in - c.a2 * out;
      to[t] = (float)out;
    }
  }
}

static tercel_status run(void* state, const tercel_operator_run* run, tercel_error* error) {
  (void)error; /* nothing can go wrong here */
  const filter* f = state;
  work w = {f, run->inputs[0], run->outputs[0]};
  run->workers->parallel(run->workers, (int32_t)f->channels, filter_channel, &w);
  return TERCEL_OK;
}

static const tercel_operator kBiquad = {
    .struct_size = sizeof kBiquad,
    .domain = "com.example",
    .name = "Biquad",
    .attributes = "reverse",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs_min = 1,
    .outputs_max = 1,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .release = free,
};

static const tercel_operator* const kAll[] = {&kBiquad};

const tercel_operator* const* tercel_operators(uint32_t abi, size_t* count) {
  *count = abi == TERCEL_OPERATOR_ABI ? sizeof kAll / sizeof *kAll : 0;
  return kAll;
}
