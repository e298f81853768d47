#include "serve/batch.h"

#include <algorithm>
#include <cstring>

namespace tercel::serve {
namespace {

int64_t rows_of(const Job& job) { return job.request.inputs[0].type.shape.size(0); }

Error no_memory(const char* what) {
  return Error(ErrorCode::kExhausted, std::string("no memory for ") + what + "; try again later");
}

}  // namespace

Result<void> Batch::gather(std::span<Job* const> jobs) {
  rows_ = 0;
  request_.outputs.clear();
  for (const Job* job : jobs) {
    rows_ += rows_of(*job);
    for (const auto& wanted : job->request.outputs) {
      const bool known = std::ranges::any_of(request_.outputs, [&](const auto& w) { return w.index == wanted.index; });
      if (!known) request_.outputs.push_back({wanted.index, true});
    }
  }
  request_.inputs.resize(jobs[0]->request.inputs.size());
  for (size_t i = 0; i < request_.inputs.size(); ++i) TRY(gather_input(i, jobs));
  return {};
}

Result<void> Batch::gather_input(size_t input, std::span<Job* const> jobs) {
  TensorType type = jobs[0]->request.inputs[input].type;
  type.shape[0] = Dim(rows_);
  TRY(checked_elements(type.shape));
  std::byte* const values = request_.reserve(input, std::max<size_t>(type.bytes(), 1));
  if (!values) return no_memory("a batch");
  std::byte* next = values;
  for (const Job* job : jobs) {
    const auto& part = job->request.inputs[input];
    const size_t bytes = part.type.bytes();
    if (bytes > 0) std::memcpy(next, part.data, bytes);
    next += bytes;
  }
  request_.inputs[input] = {type, values};
  return {};
}

Result<void> Batch::scatter(std::span<Job* const> jobs) {
  for (const auto& wanted : request_.outputs) {
    const Shape& shape = reply_.outputs[wanted.index].type.shape;
    if (shape.rank() == 0 || shape.size(0) != rows_) return unsupported("an output of the batch has other rows than its inputs");
  }
  int64_t first = 0;
  for (Job* job : jobs) {
    const int64_t rows = rows_of(*job);
    TRY(scatter_to(*job, first, rows));
    first += rows;
  }
  return {};
}

Result<void> Batch::scatter_to(Job& job, int64_t first_row, int64_t rows) {
  const auto part_of = [&](const request::TensorView& whole) {
    TensorType type = whole.type;
    type.shape[0] = Dim(rows);
    return type;
  };
  size_t total = 0;
  for (const auto& wanted : job.request.outputs)
    total += align_up(part_of(reply_.outputs[wanted.index]).bytes(), kTensorAlignment);
  if (!job.reply.memory.reserve(std::max<size_t>(total, 1))) return no_memory("the answer");
  job.reply.outputs.assign(reply_.outputs.size(), {});
  size_t offset = 0;
  for (const auto& wanted : job.request.outputs) {
    const auto& whole = reply_.outputs[wanted.index];
    const TensorType type = part_of(whole);
    std::byte* const target = job.reply.memory.data() + offset;
    const size_t bytes = type.bytes();
    const size_t row_bytes = rows > 0 ? bytes / static_cast<size_t>(rows) : 0;
    if (bytes > 0)
      std::memcpy(target, static_cast<const std::byte*>(whole.data) + static_cast<size_t>(first_row) * row_bytes, bytes);
    job.reply.outputs[wanted.index] = {type, target};
    offset += align_up(bytes, kTensorAlignment);
  }
  return {};
}

}  // namespace tercel::serve
