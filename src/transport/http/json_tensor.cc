#include "transport/http/json_tensor.h"

#include <limits>
#include <string>
#include <type_traits>

#include "tensor/half.h"
#include "tensor/tensor.h"
#include "transport/http/limits.h"

namespace tercel::transport::http {
namespace {

namespace od = simdjson::ondemand;

template <typename T>
simdjson::error_code read_integer(od::value& value, T& target) {
  using Wide = std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>;
  Wide wide;
  if (const auto failure = value.get<Wide>().get(wide)) return failure;
  if (wide < std::numeric_limits<T>::min() || wide > std::numeric_limits<T>::max()) return simdjson::NUMBER_OUT_OF_RANGE;
  target = static_cast<T>(wide);
  return simdjson::SUCCESS;
}

template <typename T>
simdjson::error_code read_float(od::value& value, T& target) {
  double wide;
  if (const auto failure = value.get_double().get(wide)) return failure;
  target = static_cast<T>(wide);
  return simdjson::SUCCESS;
}

// true, false, and 1 and 0 for clients that send booleans as numbers.
simdjson::error_code read_bool(od::value& value, bool& target) {
  od::json_type type;
  if (const auto failure = value.type().get(type)) return failure;
  if (type == od::json_type::boolean) return value.get_bool().get(target);
  uint8_t number = 0;
  if (const auto failure = read_integer(value, number)) return failure;
  target = number != 0;
  return number > 1 ? simdjson::NUMBER_OUT_OF_RANGE : simdjson::SUCCESS;
}

template <typename T>
simdjson::error_code read_scalar(od::value& value, T& target) {
  if constexpr (std::is_same_v<T, bool>) return read_bool(value, target);
  else if constexpr (std::is_integral_v<T>) return read_integer(value, target);
  else return read_float(value, target);
}

template <typename T>
struct Reader {
  T* target;
  int64_t elements;
  int64_t count = 0;

  std::string position() const { return "value " + std::to_string(count) + " of data"; }

  Result<void> read(od::array array, int depth) {
    if (depth > kJsonNestingMax) return invalid("data is nested deeper than " + std::to_string(kJsonNestingMax) + " arrays");
    for (auto item : array) {
      od::value value;
      if (const auto failure = std::move(item).get(value)) return json_error(failure, position());
      od::json_type type;
      if (const auto failure = value.type().get(type)) return json_error(failure, position());
      if (type == od::json_type::array) {
        od::array inner;
        if (const auto failure = value.get_array().get(inner)) return json_error(failure, position());
        TRY(read(inner, depth + 1));
        continue;
      }
      if (count == elements) return invalid("data holds more than the " + std::to_string(elements) + " values of its shape");
      if (const auto failure = read_scalar(value, target[count])) return json_error(failure, position());
      ++count;
    }
    return {};
  }
};

template <typename T>
Result<void> read_all(od::value& data, int64_t elements, void* target) {
  od::array array;
  if (const auto failure = data.get_array().get(array)) return json_error(failure, "data");
  Reader<T> reader{static_cast<T*>(target), elements};
  TRY(reader.read(array, 1));
  if (reader.count == elements) return {};
  return invalid("data holds " + std::to_string(reader.count) + " values, its shape needs " + std::to_string(elements));
}

}  // namespace

Error json_error(simdjson::error_code code, std::string_view name) {
  const std::string what(name);
  switch (code) {
    case simdjson::INCORRECT_TYPE: return invalid(what + " has the wrong JSON type");
    case simdjson::NUMBER_OUT_OF_RANGE: return invalid(what + " is out of the range of its type");
    case simdjson::MEMALLOC: return Error(ErrorCode::kExhausted, "no memory to parse the request; try again later");
    default: return invalid(what + " is not valid JSON: " + simdjson::error_message(code));
  }
}

Result<void> read_json_tensor(od::value& data, DType dtype, int64_t elements, void* target) {
  return visit_dtype(dtype, [&]<typename T>() -> Result<void> {
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
      return unsupported("16-bit floats have no JSON form: send them as binary data (parameter binary_data_size)");
    } else {
      return read_all<T>(data, elements, target);
    }
  });
}

}  // namespace tercel::transport::http
