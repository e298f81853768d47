#include <cmath>

#include "kernels/ref/test_tensors.h"

namespace tercel::kernels {
namespace {

const Tensor kTable = f32({3, 2}, {1, 2, 3, 4, 5, 6});
const double kNan = std::nan("");

TEST(Indexing, Gather) {
  const auto axis1 = attributes({{"axis", int64_t{1}}});
  check_values({
      {"rows", "Gather", {}, {kTable, i64({2, 1}, {2, 0})}, f32({2, 1, 2}, {5, 6, 1, 2})},
      {"one row", "Gather", {}, {kTable, i64({}, {-1})}, f32({2}, {5, 6})},
      {"columns, 32-bit indices", "Gather", axis1, {kTable, i32({1}, {1})}, f32({3, 1}, {2, 4, 6})},
      {"out of range is the nearest row", "Gather", {}, {kTable, i64({2}, {99, -99})}, f32({2, 2}, {5, 6, 1, 2})},
      {"an empty table gives zeros", "Gather", {}, {f32({0, 2}, {}), i64({1}, {0})}, f32({1, 2}, {0, 0})},
      {"no indices", "Gather", {}, {kTable, i64({0}, {})}, f32({0, 2}, {})},
      {"strings of bytes", "Gather", {}, {u8({3}, {7, 8, 9}), i64({2}, {1, 1})}, u8({2}, {8, 8})},
      {"elements", "GatherElements", axis1, {kTable, i64({2, 2}, {0, 0, -1, 0})}, f32({2, 2}, {1, 1, 4, 3})},
      {"elements of columns", "GatherElements", {}, {kTable, i64({1, 2}, {2, 1})}, f32({1, 2}, {5, 4})},
      {"elements out of range", "GatherElements", axis1, {kTable, i64({1, 2}, {5, -5})}, f32({1, 2}, {2, 1})},
      {"tuples", "GatherND", {}, {kTable, i64({2, 2}, {0, 1, -1, 0})}, f32({2}, {2, 5})},
      {"slices", "GatherND", {}, {kTable, i64({2, 1}, {1, 0})}, f32({2, 2}, {3, 4, 1, 2})},
      {"batches",
       "GatherND",
       attributes({{"batch_dims", int64_t{1}}}),
       {f32({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}), i64({2, 1}, {1, 0})},
       f32({2, 2}, {3, 4, 5, 6})},
  });
}

TEST(Indexing, Scatter) {
  const Tensor zeros = f32({3}, {0, 0, 0}), rows = f32({2, 2}, {1, 2, 3, 4});
  const auto reduction = [](const char* name) { return attributes({{"reduction", text(name)}}); };
  check_values({
      {"the last update wins", "ScatterElements", {}, {zeros, i64({3}, {1, -1, 1}), f32({3}, {5, 6, 7})}, f32({3}, {0, 7, 6})},
      {"adds", "ScatterElements", reduction("add"), {zeros, i64({3}, {1, 1, 1}), f32({3}, {5, 6, 7})}, f32({3}, {0, 18, 0})},
      {"multiplies",
       "ScatterElements",
       reduction("mul"),
       {f32({2}, {2, 3}), i64({2}, {0, 0}), f32({2}, {4, 5})},
       f32({2}, {40, 3})},
      {"largest, NaN stays",
       "ScatterElements",
       reduction("max"),
       {f32({3}, {1, kNan, 3}), i64({3}, {0, 1, 2}), f32({3}, {2, 5, kNan})},
       f32({3}, {2, kNan, kNan})},
      {"smallest",
       "ScatterElements",
       reduction("min"),
       {i32({2}, {1, -1}), i64({2}, {0, 1}), i32({2}, {0, 0})},
       i32({2}, {0, -1})},
      {"integers wrap", "ScatterElements", reduction("add"), {i8({1}, {127}), i64({1}, {0}), i8({1}, {1})}, i8({1}, {-128})},
      {"along columns",
       "ScatterElements",
       attributes({{"axis", int64_t{1}}}),
       {rows, i64({2, 1}, {1, 0}), f32({2, 1}, {8, 9})},
       f32({2, 2}, {1, 8, 9, 4})},
      {"out of range is the nearest", "ScatterElements", {}, {zeros, i64({2}, {9, -9}), f32({2}, {1, 2})}, f32({3}, {2, 0, 1})},
      {"rows", "ScatterND", {}, {rows, i64({1, 1}, {1}), f32({1, 2}, {8, 9})}, f32({2, 2}, {1, 2, 8, 9})},
      {"points add up",
       "ScatterND",
       reduction("add"),
       {rows, i64({2, 2}, {0, 1, 0, 1}), f32({2}, {10, 20})},
       f32({2, 2}, {1, 32, 3, 4})},
      {"cache",
       "TensorScatter",
       {},
       {f32({1, 3, 1}, {1, 2, 3}), f32({1, 2, 1}, {8, 9}), i64({1}, {1})},
       f32({1, 3, 1}, {1, 8, 9})},
      {"cache, pushed back into range",
       "TensorScatter",
       {},
       {f32({1, 3, 1}, {1, 2, 3}), f32({1, 2, 1}, {8, 9}), i64({1}, {7})},
       f32({1, 3, 1}, {1, 8, 9})},
      {"cache, around the end",
       "TensorScatter",
       attributes({{"mode", text("circular")}}),
       {f32({1, 3, 1}, {1, 2, 3}), f32({1, 2, 1}, {8, 9}), i64({1}, {2})},
       f32({1, 3, 1}, {9, 2, 8})},
  });
}

TEST(Indexing, Selection) {
  const auto axis1 = attributes({{"axis", int64_t{1}}});
  check_values({
      {"one hot", "OneHot", {}, {i64({3}, {0, -1, 9}), i64({}, {3}), f32({2}, {0, 5})}, f32({3, 3}, {5, 0, 0, 0, 0, 5, 0, 0, 0})},
      {"one hot, axis first, float indices",
       "OneHot",
       attributes({{"axis", int64_t{0}}}),
       {f32({2}, {1, kNan}), f32({1}, {2}), i32({2}, {1, 2})},
       i32({2, 2}, {1, 2, 2, 1})},
      {"largest", "TopK", {}, {f32({4}, {1, 3, 3, 2}), i64({1}, {3})}, f32({3}, {3, 3, 2})},
      {"smallest of columns",
       "TopK",
       attributes({{"axis", int64_t{0}}, {"largest", int64_t{0}}}),
       {f32({2, 2}, {4, 1, 2, 3}), i64({1}, {1})},
       f32({1, 2}, {2, 1})},
      {"NaN is largest", "TopK", {}, {f32({3}, {1, kNan, 2}), i64({1}, {2})}, f32({2}, {kNan, 2})},
      {"none", "TopK", {}, {f32({3}, {1, 2, 3}), i64({1}, {0})}, f32({0}, {})},
      {"non-zero", "NonZero", {}, {f32({2, 2}, {1, 0, kNan, -1})}, i64({2, 3}, {0, 1, 1, 0, 0, 1})},
      {"non-zero scalar", "NonZero", {}, {i64({}, {4})}, i64({0, 1}, {})},
      {"non-zero of nothing", "NonZero", {}, {f32({0, 3}, {})}, i64({2, 0}, {})},
      {"compress", "Compress", axis1, {kTable, boolean({2}, {0, 1})}, f32({3, 1}, {2, 4, 6})},
      {"compress, flat, longer condition", "Compress", {}, {f32({2}, {1, 2}), boolean({4}, {1, 0, 1, 1})}, f32({1}, {1})},
      {"unique", "Unique", {}, {f32({2, 3}, {3, 1, 3, 2, 1, kNan})}, f32({4}, {1, 2, 3, kNan})},
  });
  const auto indices = run_op({"TopK", {}, {f32({4}, {1, 3, 3, 2}), i64({1}, {3})}, {true, true}});
  ASSERT_TRUE(indices.ok());
  expect_near((*indices)[1], i64({3}, {1, 2, 3}));
}

TEST(Indexing, UniqueTellsWhere) {
  const Tensor rows = f32({4, 2}, {3, 1, 0, 1, 3, 1, 3, 0});
  const auto unsorted =
      run_op({"Unique", attributes({{"axis", int64_t{0}}, {"sorted", int64_t{0}}}), {rows}, {true, true, true, true}});
  ASSERT_TRUE(unsorted.ok()) << unsorted.error().message();
  expect_near((*unsorted)[0], f32({3, 2}, {3, 1, 0, 1, 3, 0}));
  expect_near((*unsorted)[1], i64({3}, {0, 1, 3}));
  expect_near((*unsorted)[2], i64({4}, {0, 1, 0, 2}));
  expect_near((*unsorted)[3], i64({3}, {2, 1, 1}));
  const auto sorted = run_op({"Unique", attributes({{"axis", int64_t{0}}}), {rows}, {true, false, true}});
  ASSERT_TRUE(sorted.ok()) << sorted.error().message();
  expect_near((*sorted)[0], f32({3, 2}, {0, 1, 3, 0, 3, 1}));
  expect_near((*sorted)[2], i64({4}, {2, 0, 2, 1}));
}

TEST(Indexing, Refusals) {
  check_refusals({
      {"Gather", {}, {kTable, f32({1}, {0})}, "int32, int64"},
      {"Gather", attributes({{"axis", int64_t{2}}}), {kTable, i64({1}, {0})}, "axis 2 is outside"},
      {"GatherElements", {}, {kTable, i64({1, 3}, {0, 0, 0})}, "is larger than"},
      {"GatherND", {}, {kTable, i64({1, 3}, {0, 0, 0})}, "must be 1..2"},
      {"GatherND", attributes({{"batch_dims", int64_t{2}}}), {kTable, i64({3, 1}, {0, 0, 0})}, "batch_dims"},
      {"ScatterElements", attributes({{"reduction", text("sum")}}), {kTable, i64({1, 1}, {0}), f32({1, 1}, {0})}, "\"sum\""},
      {"ScatterND", {}, {kTable, i64({1, 1}, {0}), f32({1, 3}, {0, 0, 0})}, "differ"},
      {"OneHot", {}, {i64({1}, {0}), i64({}, {-1}), f32({2}, {0, 1})}, "depth of the OneHot is -1"},
      {"TopK", {}, {f32({2}, {1, 2}), i64({1}, {3})}, "K of the TopK is 3"},
      {"TensorScatter", {}, {f32({1, 3, 1}, {1, 2, 3}), f32({1, 4, 1}, {1, 2, 3, 4})}, "longer than the cache"},
  });
}

}  // namespace
}  // namespace tercel::kernels
