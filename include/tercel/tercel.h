/* Tercel's engine as a C library: open a plan, bind buffers, run it from a real-time thread.
 *
 *   tercel_plan* plan;      tercel_plan_open("model.plan", &plan, &error);
 *   tercel_session* session; tercel_session_open(plan, NULL, &session, &error);
 *   tercel_binding* binding; tercel_binding_open(session, NULL, 0, &binding, &error);
 *   tercel_binding_set_input(binding, 0, x, sizeof x, &error);
 *   tercel_binding_set_output(binding, 0, y, sizeof y, &error);
 *   while (...) tercel_run(binding, NULL, &error);
 *
 * A plan is made by `tercel compile`. It is immutable: any number of sessions, in any number of threads and processes, share
 * its memory. A session is one instance: its working memory and its helper threads. A binding is one set of input shapes of
 * a session with the caller's buffers. Sessions and bindings are used by one thread at a time; a second one is told
 * TERCEL_BUSY. Handles may be closed in any order: what others still need stays until they are closed too.
 *
 * tercel_run() allocates nothing, takes no lock, prints nothing, faults no page, and makes no system call but one wake-up
 * when the session has several threads; models with If, Loop, Scan or with sizes that depend on data are the exception.
 * Everything else here may allocate and belongs before the real-time part.
 *
 * Structures start with their size, set by the caller (TERCEL_INIT does it), so that a program built against an older header
 * keeps working with a newer library. Every `error` may be NULL.
 */
#ifndef TERCEL_TERCEL_H
#define TERCEL_TERCEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TERCEL_API_VERSION 1
#define TERCEL_API __attribute__((visibility("default")))
#define TERCEL_RANK_MAX 8

/* tercel_error error = TERCEL_INIT(tercel_error); */
#ifdef __cplusplus
#define TERCEL_INIT(type) {sizeof(type)}
#else
#define TERCEL_INIT(type) {.struct_size = sizeof(type)}
#endif

typedef struct tercel_plan tercel_plan;
typedef struct tercel_session tercel_session;
typedef struct tercel_binding tercel_binding;

typedef int32_t tercel_status;
enum {
  TERCEL_OK = 0,
  TERCEL_INVALID = 1,     /* the input is wrong; the message says where and what to change */
  TERCEL_NOT_FOUND = 2,   /* a file, a name or an index that does not exist */
  TERCEL_UNSUPPORTED = 3, /* valid, but this library cannot do it */
  TERCEL_LIMIT = 4,       /* larger than a limit */
  TERCEL_EXHAUSTED = 5,   /* no memory, none that may be locked, or no thread could be started */
  TERCEL_CANCELLED = 6,   /* tercel_cancel() was called */
  TERCEL_DEADLINE = 7,    /* the deadline passed before the last step began */
  TERCEL_IO = 8,          /* the operating system refused */
  TERCEL_BUSY = 9,        /* another thread is in this session: give each thread its own */
  TERCEL_INTERNAL = 10    /* a defect of Tercel */
};

/* Why a call failed: a sentence, cut to what fits, ended by a zero. Written only on failure. */
typedef struct tercel_error {
  size_t struct_size;
  char message[504];
} tercel_error;

typedef int32_t tercel_dtype;
enum {
  TERCEL_FLOAT32 = 0, TERCEL_FLOAT64 = 1, TERCEL_FLOAT16 = 2, TERCEL_BFLOAT16 = 3,
  TERCEL_INT8 = 4, TERCEL_INT16 = 5, TERCEL_INT32 = 6, TERCEL_INT64 = 7,
  TERCEL_UINT8 = 8, TERCEL_UINT16 = 9, TERCEL_UINT32 = 10, TERCEL_UINT64 = 11,
  TERCEL_BOOL = 12 /* one byte, 0 or 1 */
};

/* What a plan says of one input or output. Strings live as long as the plan. */
typedef struct tercel_tensor_info {
  size_t struct_size;
  const char* name;
  tercel_dtype dtype;
  int32_t rank;
  int64_t dims[TERCEL_RANK_MAX]; /* -1 where the extent is chosen by the caller or known only when it has run */
  int64_t low[TERCEL_RANK_MAX];  /* inputs: the smallest and largest extent that the plan serves */
  int64_t high[TERCEL_RANK_MAX];
} tercel_tensor_info;

/* A tensor in memory: row-major, without gaps. */
typedef struct tercel_tensor {
  size_t struct_size;
  tercel_dtype dtype;
  int32_t rank;
  int64_t dims[TERCEL_RANK_MAX];
  void* data;
  size_t bytes;
} tercel_tensor;

typedef struct tercel_shape {
  int32_t rank;
  int64_t dims[TERCEL_RANK_MAX];
} tercel_shape;

/* A member that is zero takes its default. */
typedef struct tercel_session_options {
  size_t struct_size;
  int32_t threads;         /* of one run, the caller's included; default: what affinity and CPU quota allow */
  int32_t check_numerics;  /* not 0: a NaN or an infinity that a step computes is an error; slow */
  uint64_t memory_bytes_max; /* of working memory; default: 16 GiB */
  int32_t lock_memory;     /* not 0: keeps working memory, the weights that bindings read and the stacks of helper threads in
                              memory (mlock). Opening a session or a binding is TERCEL_EXHAUSTED where RLIMIT_MEMLOCK is too small.
                              The program's code, its heap and its own buffers are its own business: mlockall() */
} tercel_session_options;

/* Where a run spent its time. */
typedef struct tercel_times {
  size_t struct_size;
  int64_t start_ns, end_ns; /* on tercel_now_ns() */
  int64_t* step_ns;         /* in: null, or room for the time of each step (tercel_binding_step_count) */
  size_t step_capacity;     /* in */
} tercel_times;

typedef struct tercel_run_options {
  size_t struct_size;
  int64_t deadline_ns; /* on tercel_now_ns(), 0: none. Looked at before each step: a run that cannot end in time stops early */
  tercel_times* times; /* null: not wanted. Written by runs that succeed */
} tercel_run_options;

/* One kernel call of a binding. Strings live as long as the binding. */
typedef struct tercel_step_info {
  size_t struct_size;
  const char *node, *op, *tactic;
  double flops, bytes; /* of one run: operations, and bytes that must move */
} tercel_step_info;

/* TERCEL_API_VERSION of the library that was loaded, and its release ("0.1.0"). */
TERCEL_API uint32_t tercel_api_version(void);
TERCEL_API const char* tercel_version(void);
/* "invalid", "deadline", ... */
TERCEL_API const char* tercel_status_name(tercel_status status);
/* Bytes of one element; 0 for what is no dtype. */
TERCEL_API size_t tercel_dtype_size(tercel_dtype dtype);
/* The clock of deadlines: CLOCK_MONOTONIC, in nanoseconds. */
TERCEL_API int64_t tercel_now_ns(void);

/* Loads a library of operators (tercel/operator.h) for plans that use them, before a session of such a plan is opened. It
 * stays for the life of the process; loading it again does nothing. Its code runs with the rights of this process. */
TERCEL_API tercel_status tercel_operators_load(const char* path, tercel_error* error);

/* Maps a plan file and checks its tables; parses and copies no weight. Large weights are compared with their checksums by
 * tercel_binding_open(), before anything reads them. Replace plan files by rename, never in place. */
TERCEL_API tercel_status tercel_plan_open(const char* path, tercel_plan** plan, tercel_error* error);
/* The same for an image that the caller keeps in memory, aligned to 64 bytes, until every handle made from it is closed. */
TERCEL_API tercel_status tercel_plan_open_image(const void* image, size_t bytes, tercel_plan** plan, tercel_error* error);
TERCEL_API void tercel_plan_close(tercel_plan* plan);
TERCEL_API size_t tercel_plan_input_count(const tercel_plan* plan);
TERCEL_API size_t tercel_plan_output_count(const tercel_plan* plan);
TERCEL_API tercel_status tercel_plan_input(const tercel_plan* plan, size_t index, tercel_tensor_info* info);
TERCEL_API tercel_status tercel_plan_output(const tercel_plan* plan, size_t index, tercel_tensor_info* info);

/* `options` may be NULL. Starts the helper threads, which sleep between runs. */
TERCEL_API tercel_status tercel_session_open(tercel_plan* plan, const tercel_session_options* options, tercel_session** session,
                                             tercel_error* error);
TERCEL_API void tercel_session_close(tercel_session* session);
TERCEL_API int32_t tercel_session_threads(const tercel_session* session);
/* What a plan that was tuned for other hardware costs, as a sentence; "" when there is nothing to say. */
TERCEL_API const char* tercel_session_notice(const tercel_session* session);

/* Resolves sizes and addresses for these input shapes and brings all memory in: one shape per input, in the order of the
 * plan's inputs. `shapes` may be NULL with count 0 where the plan fixes every extent. */
TERCEL_API tercel_status tercel_binding_open(tercel_session* session, const tercel_shape* shapes, size_t count,
                                             tercel_binding** binding, tercel_error* error);
TERCEL_API void tercel_binding_close(tercel_binding* binding);
/* The caller's memory for an input: read by every run from then on, never written. `bytes` must be the tensor's size, `data`
 * aligned to the element. Does not allocate; may be called between runs to point elsewhere. */
TERCEL_API tercel_status tercel_binding_set_input(tercel_binding* binding, size_t index, const void* data, size_t bytes,
                                                  tercel_error* error);
/* The caller's memory for an output, written by every run from then on. It overlaps no input and no other output. NULL with 0
 * bytes: the session's memory, which is good until the session's next run. Outputs whose size depends on data take no memory. */
TERCEL_API tercel_status tercel_binding_set_output(tercel_binding* binding, size_t index, void* data, size_t bytes,
                                                   tercel_error* error);
/* The type of an output, and after a run where it lies. Before the first run `data` is NULL, and extents that depend on data
 * are -1. */
TERCEL_API tercel_status tercel_binding_output(const tercel_binding* binding, size_t index, tercel_tensor* tensor);
TERCEL_API size_t tercel_binding_step_count(const tercel_binding* binding);
TERCEL_API tercel_status tercel_binding_step(const tercel_binding* binding, size_t index, tercel_step_info* info);

/* Computes. `options` may be NULL. */
TERCEL_API tercel_status tercel_run(tercel_binding* binding, const tercel_run_options* options, tercel_error* error);
/* Makes the run in progress stop at its next step with TERCEL_CANCELLED; does nothing when none is in progress. From any
 * thread; safe in a signal handler. */
TERCEL_API void tercel_cancel(tercel_binding* binding);

#ifdef __cplusplus
}
#endif

#endif
