#include <algorithm>
#include <cctype>
#include <set>

#include "kernels/families.h"
#include "kernels/ref/test_tensors.h"
#include "ops/control.h"
#include "ops/custom.h"

namespace tercel::kernels {
namespace {

std::vector<const KernelRow*> reference_rows() {
  std::vector<const KernelRow*> rows;
  for (const auto family :
       {ref_elementwise_rows, ref_reduction_rows, ref_matrix_rows, ref_layout_rows, ref_indexing_rows, ref_generator_rows,
        ref_image_rows, ref_recurrent_rows, ref_quantized_rows, ref_signal_rows, ref_attention_rows, ref_fused_rows})
    for (const KernelRow& row : family()) rows.push_back(&row);
  return rows;
}

TEST(ReferenceCatalogue, EveryRowHasAnOperatorAndItsName) {
  std::set<std::string_view> names;
  for (const KernelRow* row : reference_rows()) {
    EXPECT_NE(ops::find_op(row->op), nullptr) << row->name << " computes an unknown operator";
    std::string expected(row->op);
    std::transform(expected.begin(), expected.end(), expected.begin(), [](unsigned char c) { return std::tolower(c); });
    EXPECT_EQ(row->name, expected + "/ref");
    EXPECT_TRUE(names.insert(row->name).second) << row->name << " is listed twice";
    EXPECT_EQ(row->needs, platform::kPortable) << row->name;
    EXPECT_EQ(row->accepts, nullptr) << row->name << ": the reference takes every step that its shape rule lets through";
    EXPECT_NE(row->bind, nullptr) << row->name;
  }
}

TEST(ReferenceCatalogue, EveryOperatorHasAReference) {
  for (const ops::OpDef* op : ops::all_ops()) {
    if (ops::is_control(op->name)) continue;  // run by the engine
    if (op->name == ops::kCustom) continue;   // whose code the user brings
    EXPECT_NE(reference_row(op->name), nullptr) << op->name << " has no reference kernel";
  }
}

TEST(ReferenceCatalogue, ArityMakesSense) {
  for (const ops::OpDef* op : ops::all_ops()) {
    SCOPED_TRACE(op->name);
    EXPECT_GE(op->inputs_min, 0);
    EXPECT_TRUE(op->inputs_max < 0 || op->inputs_max >= op->inputs_min);
    EXPECT_GE(op->outputs_min, 0);
    EXPECT_TRUE(op->outputs_max < 0 || op->outputs_max >= op->outputs_min);
    EXPECT_NE(op->infer, nullptr);
    EXPECT_TRUE(!op->elementwise || op->outputs_max == 1);
  }
}

}  // namespace
}  // namespace tercel::kernels
