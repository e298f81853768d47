#include "serve/batch.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "engine/allocation_counter.h"

namespace tercel::serve {
namespace {

// A job of `rows` x 3 floats from `first` on and `rows` int64.
struct TwoInputs {
  TwoInputs(int64_t rows, float first, std::vector<request::WantedOutput> wanted) : floats(rows * 3), ints(rows) {
    std::iota(floats.begin(), floats.end(), first);
    std::iota(ints.begin(), ints.end(), static_cast<int64_t>(first));
    job.request.inputs = {{{DType::kFloat32, {Dim(rows), Dim(3)}}, floats.data()}, {{DType::kInt64, {Dim(rows)}}, ints.data()}};
    job.request.outputs = std::move(wanted);
  }
  std::vector<float> floats;
  std::vector<int64_t> ints;
  Job job;
};

// Gives the inputs back as outputs, as a model that does nothing.
void echo(Batch& batch) {
  size_t total = 0;
  for (const auto& input : batch.request().inputs) total += align_up(input.type.bytes(), kTensorAlignment);
  ASSERT_TRUE(batch.reply().memory.reserve(total));
  batch.reply().outputs.resize(batch.request().inputs.size());
  std::byte* next = batch.reply().memory.data();
  for (size_t i = 0; i < batch.request().inputs.size(); ++i) {
    const auto& input = batch.request().inputs[i];
    std::memcpy(next, input.data, input.type.bytes());
    batch.reply().outputs[i] = {input.type, next};
    next += align_up(input.type.bytes(), kTensorAlignment);
  }
}

TEST(Batch, GivesEachJobItsRowsOfWhatItWants) {
  TwoInputs a(1, 10, {{0, true}}), b(3, 20, {{1, false}, {0, true}}), c(2, 40, {{1, true}});
  Job* const jobs[] = {&a.job, &b.job, &c.job};
  Batch batch;
  ASSERT_TRUE(batch.gather(jobs).ok());
  EXPECT_EQ(batch.request().inputs[0].type.shape, (Shape{6, 3}));
  EXPECT_EQ(batch.request().inputs[1].type.shape, (Shape{6}));
  ASSERT_EQ(batch.request().outputs.size(), 2u);
  echo(batch);
  ASSERT_TRUE(batch.scatter(jobs).ok());
  for (const TwoInputs* each : {&a, &b, &c}) {
    const auto& outputs = each->job.reply.outputs;
    for (const auto& wanted : each->job.request.outputs) {
      EXPECT_EQ(outputs[wanted.index].type, each->job.request.inputs[wanted.index].type);
      EXPECT_EQ(std::memcmp(outputs[wanted.index].data, each->job.request.inputs[wanted.index].data,
                            outputs[wanted.index].type.bytes()),
                0);
    }
  }
  EXPECT_EQ(a.job.reply.outputs[1].data, nullptr) << "it did not want this one";
}

TEST(Batch, AllocatesNothingOnceItIsWarm) {
  TwoInputs a(1, 10, {{0, true}}), b(2, 20, {{1, true}});
  Job* const jobs[] = {&a.job, &b.job};
  Batch batch;
  const auto once = [&] {
    ASSERT_TRUE(batch.gather(jobs).ok());
    echo(batch);
    ASSERT_TRUE(batch.scatter(jobs).ok());
  };
  once();
  const uint64_t before = engine::allocations();
  once();
  EXPECT_EQ(engine::allocations(), before);
}

TEST(Batch, RefusesOutputsWithOtherRows) {
  TwoInputs a(1, 10, {{0, true}}), b(2, 20, {{0, true}});
  Job* const jobs[] = {&a.job, &b.job};
  Batch batch;
  ASSERT_TRUE(batch.gather(jobs).ok());
  echo(batch);
  batch.reply().outputs[0].type.shape[0] = Dim(2);
  EXPECT_FALSE(batch.scatter(jobs).ok());
}

}  // namespace
}  // namespace tercel::serve
