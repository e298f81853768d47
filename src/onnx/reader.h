#pragma once

#include <cstdint>
#include <optional>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tercel::onnx {

// The first thing that was found wrong with a file. Once it is set, every Reader that shares it is at its end.
class Damage {
 public:
  void note(Error error) {
    if (!error_) error_ = std::move(error);
  }
  explicit operator bool() const { return error_.has_value(); }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

// One protobuf message, field by field. Every getter checks the wire type first (protozero only asserts it) and gives
// nothing where it is wrong. What protozero itself finds wrong, it throws: see guarded().
class Reader {
 public:
  Reader(std::string_view message, Damage& damage) : pbf_(message.data(), message.size()), damage_(damage) {}

  bool next() { return !damage_ && pbf_.next(); }
  uint32_t tag() const { return pbf_.tag(); }
  void skip() { pbf_.skip(); }

  std::string_view bytes() {
    if (!is(protozero::pbf_wire_type::length_delimited)) return {};
    const auto view = pbf_.get_view();
    return {view.data(), view.size()};
  }
  int64_t integer() { return is(protozero::pbf_wire_type::varint) ? pbf_.get_int64() : 0; }
  float real() { return is(protozero::pbf_wire_type::fixed32) ? pbf_.get_float() : 0; }

  // Repeated numbers, packed or not: calls f(value) for those of the current field.
  template <typename F>
  void integers(F&& f) {
    if (is_packed()) each(pbf_.get_packed_int64(), f);
    else if (is(protozero::pbf_wire_type::varint)) f(pbf_.get_int64());
  }
  template <typename F>
  void reals(F&& f) {
    if (is_packed()) each(pbf_.get_packed_float(), f);
    else if (is(protozero::pbf_wire_type::fixed32)) f(pbf_.get_float());
  }
  template <typename F>
  void doubles(F&& f) {
    if (is_packed()) each(pbf_.get_packed_double(), f);
    else if (is(protozero::pbf_wire_type::fixed64)) f(pbf_.get_double());
  }

 private:
  template <typename Range, typename F>
  void each(const Range& range, F&& f) {
    for (const auto value : range) {
      if (damage_) return;
      f(value);
    }
  }
  bool is_packed() const { return pbf_.wire_type() == protozero::pbf_wire_type::length_delimited; }
  bool is(protozero::pbf_wire_type type) {
    if (pbf_.wire_type() == type) return true;
    damage_.note(invalid("field " + std::to_string(pbf_.tag()) + " has the wrong wire type"));
    pbf_.skip();
    return false;
  }

  protozero::pbf_reader pbf_;
  Damage& damage_;
};

// Runs what reads messages; `what` says which thing is damaged when protozero gives up. Its exceptions end here.
template <typename F>
auto guarded(const std::string& what, Damage& damage, F&& f) -> Result<decltype(f())> {
  try {
    auto result = f();
    if (damage) return damage.error();
    return result;
  } catch (const protozero::exception& broken) { return invalid(what + " (" + broken.what() + ")"); }
}

}  // namespace tercel::onnx
