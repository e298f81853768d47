/* Runs a plan a thousand times as a control loop would, each time under a deadline, and prints how long the runs took.
 *
 *   cc realtime.c $(pkg-config --cflags --libs tercel) -o realtime
 *   ./realtime model.plan 1000        # the second argument: the deadline of each run, in microseconds
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tercel/tercel.h"

enum { RUNS = 1000, TENSORS_MAX = 16 };

static void die(const char* what, const tercel_error* error) {
  fprintf(stderr, "realtime: %s: %s\n", what, error->message);
  exit(1);
}

/* The smallest shapes that the plan serves. */
static size_t smallest_shapes(const tercel_plan* plan, tercel_shape* shapes) {
  const size_t count = tercel_plan_input_count(plan);
  if (count > TENSORS_MAX) {
    fprintf(stderr, "realtime: the plan has %zu inputs, this example handles %d\n", count, TENSORS_MAX);
    exit(1);
  }
  for (size_t i = 0; i < count; ++i) {
    tercel_tensor_info info = TERCEL_INIT(tercel_tensor_info);
    tercel_plan_input(plan, i, &info);
    shapes[i].rank = info.rank;
    memcpy(shapes[i].dims, info.low, sizeof info.low);
  }
  return count;
}

/* Memory for every input; the outputs stay in the session's memory. */
static void give_inputs(const tercel_plan* plan, const tercel_shape* shapes, size_t count, tercel_binding* binding) {
  tercel_error error = TERCEL_INIT(tercel_error);
  for (size_t i = 0; i < count; ++i) {
    tercel_tensor_info info = TERCEL_INIT(tercel_tensor_info);
    tercel_plan_input(plan, i, &info);
    size_t bytes = tercel_dtype_size(info.dtype);
    for (int axis = 0; axis < shapes[i].rank; ++axis) bytes *= (size_t)shapes[i].dims[axis];
    void* data = calloc(1, bytes ? bytes : 1);
    if (!data || tercel_binding_set_input(binding, i, data, bytes, &error)) die(info.name, &error);
  }
}

static int ascending(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: realtime PLAN [DEADLINE_US]\n");
    return 2;
  }
  const int64_t deadline_us = argc == 3 ? atoll(argv[2]) : 0;
  tercel_error error = TERCEL_INIT(tercel_error);
  tercel_plan* plan;
  tercel_session* session;
  tercel_binding* binding;
  tercel_shape shapes[TENSORS_MAX];

  if (tercel_plan_open(argv[1], &plan, &error)) die(argv[1], &error);
  tercel_session_options session_options = TERCEL_INIT(tercel_session_options);
  session_options.threads = 1;
  if (tercel_session_open(plan, &session_options, &session, &error)) die("session", &error);
  const size_t count = smallest_shapes(plan, shapes);
  if (tercel_binding_open(session, shapes, count, &binding, &error)) die("binding", &error);
  give_inputs(plan, shapes, count, binding);

  static double us[RUNS];
  int late = 0;
  for (int i = 0; i < RUNS; ++i) {
    tercel_times times = TERCEL_INIT(tercel_times);
    tercel_run_options options = TERCEL_INIT(tercel_run_options);
    options.times = &times;
    if (deadline_us) options.deadline_ns = tercel_now_ns() + deadline_us * 1000;
    const tercel_status status = tercel_run(binding, &options, &error);
    if (status == TERCEL_DEADLINE) ++late;
    else if (status) die(tercel_status_name(status), &error);
    us[i] = status ? 1e9 : (double)(times.end_ns - times.start_ns) * 1e-3;
  }
  qsort(us, RUNS, sizeof *us, ascending);
  printf("tercel %s: %d runs, p50 %.2f us, p99 %.2f us, %d stopped at the deadline\n", tercel_version(), RUNS, us[RUNS / 2],
         us[RUNS * 99 / 100], late);

  tercel_binding_close(binding);
  tercel_session_close(session);
  tercel_plan_close(plan);
  return 0;
}
