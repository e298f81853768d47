#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <set>

#include "kernels/families.h"
#include "kernels/x86/row_runner.h"

// For tests: every row of this folder that takes a step, against a result in double.
namespace tercel::kernels::x86 {

inline std::vector<const KernelRow*> own_rows(std::string_view op) {
  std::vector<const KernelRow*> rows;
  for (const auto family : {dense_rows(), conv_rows()})
    for (const KernelRow& row : family)
      if (row.op == op) rows.push_back(&row);
  return rows;
}

inline uint64_t fresh_seed() {
  static const uint64_t seed = [] {
    const uint64_t s = std::random_device{}();
    std::printf("seed %llu\n", static_cast<unsigned long long>(s));
    return s;
  }();
  return seed;
}

inline std::set<std::string>& covered_rows() {
  static std::set<std::string> rows;
  return rows;
}

// Ends every test's log with what it covered on this host.
struct Coverage : ::testing::Environment {
  void TearDown() override {
    std::printf("isa %s; rows covered:", std::string(platform::isa_name(platform::host_isa())).c_str());
    for (const std::string& row : covered_rows()) std::printf(" %s", row.c_str());
    std::printf("\n");
  }
};
inline ::testing::Environment* const kCoverage = ::testing::AddGlobalTestEnvironment(new Coverage());  // gtest deletes it

// `expected` and, for each element, the sum of the magnitudes that went into it: rounding is judged against those.
struct Expected {
  std::vector<double> value, magnitude;
};

inline void expect_close(const Floats& got, const Expected& want, double tolerance, const std::string& where) {
  int shown = 0;
  for (int64_t i = 0; i < got.size() && shown < 3; ++i) {
    const double w = want.value[static_cast<size_t>(i)], g = got[i];
    const bool same = std::isnan(w) ? std::isnan(g)
                      : std::isinf(w)
                          ? g == w
                          : std::abs(g - w) <= tolerance * (want.magnitude[static_cast<size_t>(i)] + std::abs(w) + 1e-3);
    if (same) continue;
    ADD_FAILURE() << where << ": element " << i << " of " << to_string(got.shape) << " is " << g << ", not " << w;
    ++shown;
  }
}

// Runs every accepting row with 1 and 3 workers and one that may be paused (equal bits), and returns how many there were.
inline int check_rows(const Step& step, const Expected& want, const std::string& where, double tolerance = 2e-6) {
  int count = 0;
  for (const KernelRow* row : own_rows(step.op)) {
    BoundStep serial(step, *row, 1), threaded(step, *row, 3);
    if (!serial.refusal().empty()) continue;
    ++count;
    covered_rows().insert(std::string(row->name));
    const std::string label = std::string(row->name) + " " + where;
    SerialWorkers one;
    LoneWorker paused;
    ThreadedWorkers three(3);
    const Floats& got = serial.run(one);
    expect_close(got, want, tolerance, label);
    EXPECT_TRUE(serial.kept_to_its_output()) << label;
    const auto bits = std::vector<float>(got.data(), got.data() + got.size());
    const Floats& other = threaded.run(three);
    EXPECT_EQ(0, std::memcmp(bits.data(), other.data(), bits.size() * sizeof(float))) << label << ": bits differ with 3 workers";
    const Floats& cut = serial.run(paused);
    EXPECT_EQ(0, std::memcmp(bits.data(), cut.data(), bits.size() * sizeof(float)))
        << label << ": bits differ where it is paused";
  }
  return count;
}

}  // namespace tercel::kernels::x86
