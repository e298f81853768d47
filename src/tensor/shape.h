#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/checked.h"
#include "base/result.h"

namespace tercel {

// Limits on shapes, wherever they come from. Documented in docs/limits.md.
inline constexpr int kRankMax = 8;
inline constexpr int64_t kElementsMax = int64_t{1} << 40;

// One extent of a shape: a known size, or a symbol ("batch"), or unknown. Symbols are small integers interned by the
// owner of the shape (graph::Model::symbols). Arithmetic on anything but known sizes gives `unknown`, except for
// neutral elements: batch * 1 is batch.
class Dim {
 public:
  constexpr Dim(int64_t size = 0) : code_(size) {}
  static constexpr Dim symbol(int id) { return Dim(-1 - static_cast<int64_t>(id)); }
  static constexpr Dim unknown() { return Dim(INT64_MIN); }

  constexpr bool is_known() const { return code_ >= 0; }
  constexpr bool is_symbol() const { return code_ < 0 && code_ != INT64_MIN; }
  constexpr bool is_unknown() const { return code_ == INT64_MIN; }
  int64_t size() const { check(is_known(), "size of a symbolic dimension"); return code_; }
  // The number behind it: a size, or one below zero. For what carries dims across an interface and back.
  constexpr int64_t code() const { return code_; }
  static constexpr Dim from_code(int64_t code) { return Dim(code); }
  int symbol_id() const { check(is_symbol(), "symbol of a known dimension"); return static_cast<int>(-1 - code_); }

  // The same size for sure: equal sizes or the same symbol. Two unknowns are never known to be equal.
  constexpr bool same_as(Dim other) const { return code_ == other.code_ && !is_unknown(); }
  constexpr bool operator==(const Dim& other) const = default;

 private:
  int64_t code_;
};

Dim operator+(Dim a, Dim b);
Dim operator-(Dim a, Dim b);
Dim operator*(Dim a, Dim b);
Dim floor_divide(Dim a, int64_t b);  // towards minus infinity; b > 0
Dim ceil_divide(Dim a, int64_t b);

// Extents, outermost first. Inline storage, at most kRankMax. Kernels only ever see static shapes.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<Dim> dims) { for (Dim d : dims) push_back(d); }
  explicit Shape(std::span<const Dim> dims) { for (Dim d : dims) push_back(d); }
  explicit Shape(std::span<const int64_t> sizes) { for (int64_t s : sizes) push_back(Dim(s)); }

  int rank() const { return rank_; }
  Dim& operator[](int i) { return dims_[i]; }
  const Dim& operator[](int i) const { return dims_[i]; }
  int64_t size(int i) const { return dims_[i].size(); }  // of a known extent
  void push_back(Dim d) { check(rank_ < kRankMax, "rank over kRankMax"); dims_[rank_++] = d; }
  std::span<const Dim> dims() const { return {dims_.data(), static_cast<size_t>(rank_)}; }
  auto begin() const { return dims_.begin(); }
  auto end() const { return dims_.begin() + rank_; }

  bool is_static() const { for (Dim d : dims()) if (!d.is_known()) return false; return true; }
  // Product of the extents of a static shape. Shapes were checked against kElementsMax when they were made.
  int64_t elements() const { int64_t n = 1; for (Dim d : dims()) n *= d.size(); return n; }
  int64_t elements(int from, int to) const { int64_t n = 1; for (int i = from; i < to; ++i) n *= size(i); return n; }
  std::vector<int64_t> sizes() const { std::vector<int64_t> s; for (Dim d : dims()) s.push_back(d.size()); return s; }

  bool operator==(const Shape& other) const {
    if (rank_ != other.rank_) return false;
    for (int i = 0; i < rank_; ++i) if (dims_[i] != other.dims_[i]) return false;
    return true;
  }

 private:
  std::array<Dim, kRankMax> dims_{};
  int rank_ = 0;
};

// "2x3x224x224"; symbols print as "?"; a scalar prints as "scalar".
std::string to_string(const Shape& shape);

// Product of the extents, or an error that names the limit when it overflows or exceeds kElementsMax.
Result<int64_t> checked_elements(const Shape& shape);

// numpy broadcasting of two shapes (ONNX "multidirectional"), symbolic extents included.
Result<Shape> broadcast(const Shape& a, const Shape& b);

// Row-major strides in elements, of a static shape.
std::array<int64_t, kRankMax> strides_of(const Shape& shape);

// Turns a possibly negative axis into 0..rank-1 (or 0..rank with `one_past`), or says what is wrong.
Result<int> normalize_axis(int64_t axis, int rank, bool one_past = false);

}  // namespace tercel
