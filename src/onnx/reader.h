#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <protozero/pbf_reader.hpp>

#include "base/result.h"

namespace tercel::onnx {

// Thrown within this folder only; the functions of parse.h catch it (and protozero's own) and return an Error.
struct ParseFailure {
  Error error;
};

[[noreturn]] inline void fail(Error error) { throw ParseFailure{std::move(error)}; }

// One protobuf message, field by field. Every getter checks the wire type first (protozero only asserts it).
class Reader {
 public:
  explicit Reader(std::string_view message) : pbf_(message.data(), message.size()) {}

  bool next() { return pbf_.next(); }
  uint32_t tag() const { return pbf_.tag(); }
  void skip() { pbf_.skip(); }

  std::string_view bytes() {
    want(protozero::pbf_wire_type::length_delimited);
    const auto view = pbf_.get_view();
    return {view.data(), view.size()};
  }
  int64_t integer() {
    want(protozero::pbf_wire_type::varint);
    return pbf_.get_int64();
  }
  float real() {
    want(protozero::pbf_wire_type::fixed32);
    return pbf_.get_float();
  }

  // Repeated numbers, packed or not: calls f(value) for those of the current field.
  template <typename F>
  void integers(F&& f) {
    if (!is_packed()) return f(integer());
    for (const int64_t value : pbf_.get_packed_int64()) f(value);
  }
  template <typename F>
  void reals(F&& f) {
    if (!is_packed()) return f(real());
    for (const float value : pbf_.get_packed_float()) f(value);
  }
  template <typename F>
  void doubles(F&& f) {
    if (is_packed()) {
      for (const double value : pbf_.get_packed_double()) f(value);
      return;
    }
    want(protozero::pbf_wire_type::fixed64);
    f(pbf_.get_double());
  }

 private:
  bool is_packed() const { return pbf_.wire_type() == protozero::pbf_wire_type::length_delimited; }
  void want(protozero::pbf_wire_type type) const {
    if (pbf_.wire_type() != type) fail(invalid("field " + std::to_string(pbf_.tag()) + " has the wrong wire type"));
  }

  protozero::pbf_reader pbf_;
};

}  // namespace tercel::onnx
