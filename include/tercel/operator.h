/* Operators of your own for Tercel: a library with one function, in C or in anything that speaks C.
 *
 *   static tercel_status infer(...)   the type of each output, from those of the inputs
 *   static tercel_status prepare(...) once for each node and set of shapes: checks, tables, how much scratch
 *   static tercel_status run(...)     each time
 *
 *   static const tercel_operator kBiquad = {.struct_size = sizeof kBiquad, .domain = "com.example", .name = "Biquad", ...};
 *   static const tercel_operator* const kAll[] = {&kBiquad};
 *   const tercel_operator* const* tercel_operators(uint32_t abi, size_t* count) {
 *     *count = abi == TERCEL_OPERATOR_ABI ? 1 : 0;
 *     return kAll;
 *   }
 *
 * Compile it as a shared library (cc -shared -fPIC -O3) and name it to whatever meets the model: `--operators FILE` of the
 * commands, tercel_operators_load() in C, tercel.load_operators() in Python. Models use the operator by its domain and name.
 * Plans hold these two, never a file's: who runs a plan decides which code is loaded. A library is never unloaded.
 *
 * examples/operators/biquad.c is one whole.
 */
#ifndef TERCEL_OPERATOR_H
#define TERCEL_OPERATOR_H

#include <tercel/tercel.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TERCEL_OPERATOR_ABI 1u
#define TERCEL_DIM_UNKNOWN INT64_MIN /* an extent that depends on contents that are not known yet */

/* One node of a model. Good only during the call that it is passed to. */
typedef struct tercel_node tercel_node;

/* What can be asked of a node: TERCEL_NOT_FOUND where it has no such attribute, TERCEL_INVALID where that has another type.
 * What comes back lives as long as the call. Strings end with a zero. */
typedef struct tercel_node_queries {
  size_t struct_size;
  int64_t (*domain_version)(const tercel_node* node); /* what the model imports of the operator's domain */
  tercel_status (*attribute_int)(const tercel_node* node, const char* name, int64_t* value);
  tercel_status (*attribute_float)(const tercel_node* node, const char* name, float* value);
  tercel_status (*attribute_string)(const tercel_node* node, const char* name, const char** value);
  tercel_status (*attribute_ints)(const tercel_node* node, const char* name, const int64_t** values, size_t* count);
  tercel_status (*attribute_floats)(const tercel_node* node, const char* name, const float** values, size_t* count);
  tercel_status (*attribute_tensor)(const tercel_node* node, const char* name, tercel_tensor* value);
} tercel_node_queries;

/* A node and its operands. An entry is NULL where an optional input is absent, or an output is not wanted.
 * `data` of an input is NULL unless its contents are known: constants of the model, and, once everything before the node has
 * run, all others. `data` of outputs is NULL. */
typedef struct tercel_operator_node {
  size_t struct_size;
  const tercel_node* node;
  const tercel_node_queries* ask;
  const tercel_tensor* const* inputs;
  size_t input_count;
  tercel_tensor* const* outputs; /* infer() writes dtype, rank and dims of each; prepare() finds them there */
  size_t output_count;
  int32_t threads; /* prepare(): most that a run will have */
} tercel_operator_node;

/* The threads of one run. A task's chunks are cut by sizes, never by `threads`, so that the bits do not depend on it; each
 * writes its own part of the output. Chunks hold no lock and own no memory, and they can be started again from their beginning:
 * one whose thread lost its processor is computed by another. Before each chunk of a run on one thread another request may have
 * that thread for a while: nothing is kept in thread-local memory across parallel(). No two chunks run with the same `worker`,
 * below `threads`, at once. Not to be called from within a task. */
typedef struct tercel_workers tercel_workers;
struct tercel_workers {
  size_t struct_size;
  int32_t threads;
  void (*parallel)(const tercel_workers* workers, int32_t chunks, void (*task)(void* user, int32_t chunk, int32_t worker),
                   void* user);
};

/* What one run of a prepared node works on. Buffers of the session are aligned to 64 bytes, the caller's to an element. */
typedef struct tercel_operator_run {
  size_t struct_size;
  const void* const* inputs; /* NULL as in tercel_operator_node */
  void* const* outputs;
  void* scratch; /* what prepare() asked for, aligned to 64 bytes; its contents are anything */
  const tercel_workers* workers;
} tercel_operator_run;

/* What prepare() leaves for run(). */
typedef struct tercel_prepared {
  size_t struct_size;
  void* state;          /* handed to run() and, once, to release() */
  size_t scratch_bytes;
} tercel_prepared;

/* An operator. It and what it points to stay where they are while the process lives. Callbacks say TERCEL_OK, or another status
 * with a sentence in `error`, which reaches the user with the node's name in front; no exception leaves them. They are called
 * by several threads at once, each for nodes and states of its own. Models are not trusted: whatever a callback relies on is
 * checked in infer() or prepare(). */
typedef struct tercel_operator {
  size_t struct_size;
  const char* domain; /* not one of ONNX's */
  const char* name;
  const char* attributes; /* the names it has, separated by spaces: others are refused. NULL: any */
  int32_t inputs_min, inputs_max; /* inputs_max -1: as many as are given */
  int32_t outputs_min, outputs_max;

  /* The type of every output. An extent below zero stands for one that is not known yet ("batch"): copied, it says "the same";
   * where it would have to be computed with, or where contents are wanted whose `data` is NULL, the answer is
   * TERCEL_DIM_UNKNOWN, and the question is asked again when more is known. Ranks and dtypes are always told. */
  tercel_status (*infer)(const tercel_operator_node* node, tercel_error* error);
  /* All extents are known. May allocate. NULL where there is nothing to prepare. */
  tercel_status (*prepare)(const tercel_operator_node* node, tercel_prepared* prepared, tercel_error* error);
  /* In the real-time part: allocates nothing, takes no lock, calls nothing that blocks. The same inputs give the same bits.
   * Contents of inputs are never trusted. After a failure the request fails, and the next one finds the node as it was. */
  tercel_status (*run)(void* state, const tercel_operator_run* run, tercel_error* error);
  void (*release)(void* state); /* may be NULL */
} tercel_operator;

/* For programs that link libtercel and hold their operators themselves: makes them known as loading a library of them would.
 * All of them, or none and why. */
TERCEL_API tercel_status tercel_operators_add(const tercel_operator* const* operators, size_t count, tercel_error* error);

/* What a library of operators exports. `abi` is that of the Tercel that loads it; a library that cannot serve it says so with
 * *count = 0. */
TERCEL_API const tercel_operator* const* tercel_operators(uint32_t abi, size_t* count);

#ifdef __cplusplus
}
#endif

#endif
