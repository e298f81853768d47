#pragma once

#include <span>

#include "serve/job.h"

namespace tercel::serve {

// Several jobs of one model as one request: their rows behind each other, in their order. Its memory is kept from batch to batch.
// One thread at a time.
class Batch {
 public:
  // Copies the jobs' inputs together; what any of them wants is wanted. They have the same types but for the first extent.
  Result<void> gather(std::span<Job* const> jobs);
  // Copies to each job its rows of the outputs that it wants. Fails, and leaves the jobs' replies unfit, where an output does not
  // have the rows of the inputs.
  Result<void> scatter(std::span<Job* const> jobs);

  request::InferRequest& request() { return request_; }
  request::InferReply& reply() { return reply_; }

 private:
  Result<void> gather_input(size_t input, std::span<Job* const> jobs);
  Result<void> scatter_to(Job& job, int64_t first_row, int64_t rows);

  request::InferRequest request_;
  request::InferReply reply_;
  int64_t rows_ = 0;
};

}  // namespace tercel::serve
