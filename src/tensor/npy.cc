#include "tensor/npy.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "tensor/npy_internal.h"

namespace tercel {

namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);

struct TypeName {
  std::string_view descr;
  DType dtype;
};
// The first spelling of a type is the one that is written.
constexpr TypeName kTypeNames[] = {
    {"<f4", DType::kFloat32},  {"<f8", DType::kFloat64},       {"<f2", DType::kFloat16}, {"<V2", DType::kBFloat16},
    {"|V2", DType::kBFloat16}, {"bfloat16", DType::kBFloat16}, {"|i1", DType::kInt8},    {"<i1", DType::kInt8},
    {"<i2", DType::kInt16},    {"<i4", DType::kInt32},         {"<i8", DType::kInt64},   {"|u1", DType::kUint8},
    {"<u1", DType::kUint8},    {"<u2", DType::kUint16},        {"<u4", DType::kUint32},  {"<u8", DType::kUint64},
    {"|b1", DType::kBool},     {"<b1", DType::kBool},
};

Result<DType> dtype_of_descr(const std::string& descr) {
  for (const TypeName& type : kTypeNames)
    if (descr == type.descr) return type.dtype;
  if (descr.starts_with('>'))
    return unsupported("npy field descr: '" + descr +
                       "' is big-endian; convert it with array.astype(array.dtype.newbyteorder('<'))");
  return unsupported("npy field descr: '" + descr +
                     "' is not a number type that Tercel computes with; convert it with array.astype('float32')");
}

// The header: a Python dictionary of strings, booleans and one tuple of integers; nothing else is understood.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  Result<NpyHeader> parse() {
    if (!take('{')) return invalid("npy header does not start with a dictionary");
    while (!take('}')) {
      const std::string key = TRY(quoted());
      if (!take(':')) return invalid("npy header lacks ':' after '" + key + "'");
      TRY(field(key));
      if (!take(',') && peek() != '}') return invalid("npy header lacks ',' after the value of '" + key + "'");
    }
    skip_space();
    if (!text_.empty()) return invalid("npy header has text after its dictionary");
    if (!seen_descr_ || !seen_order_ || !seen_shape_) return invalid("npy header lacks descr, fortran_order or shape");
    return header_;
  }

 private:
  void skip_space() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\n' || text_.front() == '\t')) text_.remove_prefix(1);
  }
  char peek() {
    skip_space();
    return text_.empty() ? '\0' : text_.front();
  }
  bool take(char c) {
    if (peek() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view word) {
    skip_space();
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }

  Result<std::string> quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') return invalid("npy header has something other than a string where a string must be");
    const size_t end = text_.find(quote, 1);
    if (end == std::string_view::npos) return invalid("npy header has a string without an end");
    std::string word(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return word;
  }

  Result<void> field(const std::string& key) {
    if (key == "descr" && !seen_descr_) {
      seen_descr_ = true;
      if (peek() == '[') return unsupported("npy field descr: a structured type; save each field as an array of its own");
      header_.type.dtype = TRY(dtype_of_descr(TRY(quoted())));
      return {};
    }
    if (key == "fortran_order" && !seen_order_) {
      seen_order_ = true;
      header_.fortran_order = take("True");
      if (!header_.fortran_order && !take("False")) return invalid("npy field fortran_order is neither True nor False");
      return {};
    }
    if (key == "shape" && !seen_shape_) {
      seen_shape_ = true;
      return shape();
    }
    return invalid("npy header has an unknown or repeated field '" + key.substr(0, 40) + "'");
  }

  Result<void> shape() {
    if (!take('(')) return invalid("npy field shape is not a tuple");
    while (!take(')')) {
      if (header_.type.shape.rank() == kRankMax) return too_large("npy field shape has rank over " + std::to_string(kRankMax));
      header_.type.shape.push_back(Dim(TRY(extent())));
      if (!take(',') && peek() != ')') return invalid("npy field shape lacks ',' between two extents");
    }
    TRY(checked_elements(header_.type.shape));
    return {};
  }

  Result<int64_t> extent() {
    int64_t value = 0;
    if (peek() < '0' || peek() > '9') return invalid("npy field shape holds something other than non-negative integers");
    for (; !text_.empty() && text_.front() >= '0' && text_.front() <= '9'; text_.remove_prefix(1)) {
      value = value * 10 + (text_.front() - '0');
      if (value > kElementsMax) return too_large("npy field shape has an extent over " + std::to_string(kElementsMax));
    }
    take('L');  // Python 2 wrote long integers so
    return value;
  }

  std::string_view text_;
  NpyHeader header_;
  bool seen_descr_ = false, seen_order_ = false, seen_shape_ = false;
};

// Column-major to row-major.
template <typename T>
void to_row_major(const Shape& shape, const T* source, T* target) {
  std::array<int64_t, kRankMax> strides{}, index{};
  int64_t step = 1;
  for (int i = 0; i < shape.rank(); ++i) {
    strides[i] = step;
    step *= shape.size(i);
  }
  int64_t from = 0;
  for (int64_t o = 0, count = shape.elements(); o < count; ++o) {
    std::memcpy(target + o, reinterpret_cast<const char*>(source) + from * static_cast<int64_t>(sizeof(T)), sizeof(T));
    for (int i = shape.rank() - 1; i >= 0; --i) {
      from += strides[i];
      if (++index[i] < shape.size(i)) break;
      from -= strides[i] * index[i];
      index[i] = 0;
    }
  }
}

void convert_order(const TensorType& type, const std::byte* source, void* target) {
  switch (dtype_size(type.dtype)) {
    case 1: return to_row_major(type.shape, reinterpret_cast<const uint8_t*>(source), static_cast<uint8_t*>(target));
    case 2: return to_row_major(type.shape, reinterpret_cast<const uint16_t*>(source), static_cast<uint16_t*>(target));
    case 4: return to_row_major(type.shape, reinterpret_cast<const uint32_t*>(source), static_cast<uint32_t*>(target));
    default: return to_row_major(type.shape, reinterpret_cast<const uint64_t*>(source), static_cast<uint64_t*>(target));
  }
}

}  // namespace

Result<NpyHeader> parse_npy_header(std::span<const std::byte> image) {
  const auto byte_at = [&](size_t i) { return static_cast<size_t>(image[i]); };
  if (image.size() < 10 || std::memcmp(image.data(), kMagic.data(), kMagic.size()) != 0)
    return invalid("not a npy file: it does not start with \\x93NUMPY");
  const size_t major = byte_at(6);
  if (major < 1 || major > 3) return unsupported("npy format version " + std::to_string(major) + "; known are 1 to 3");
  const size_t prefix = major == 1 ? 10 : 12;
  if (image.size() < prefix) return invalid("npy file ends within its header");
  size_t length = byte_at(8) | byte_at(9) << 8;
  if (major > 1) length |= byte_at(10) << 16 | byte_at(11) << 24;
  if (length > kNpyHeaderBytesMax)
    return too_large("npy header of " + std::to_string(length) + " bytes, more than " + std::to_string(kNpyHeaderBytesMax));
  if (image.size() - prefix < length) return invalid("npy file ends within its header");
  NpyHeader header = TRY(HeaderParser({reinterpret_cast<const char*>(image.data()) + prefix, length}).parse());
  header.data_offset = prefix + length;
  return header;
}

Result<Tensor> tensor_of_npy(std::span<const std::byte> image, std::shared_ptr<const void> owner) {
  const NpyHeader header = TRY(parse_npy_header(image));
  const std::span<const std::byte> data = image.subspan(header.data_offset);
  const TensorType& type = header.type;
  if (data.size() != type.bytes())
    return invalid("npy field shape: " + to_string(type.shape) + " of " + std::string(dtype_name(type.dtype)) + " takes " +
                   std::to_string(type.bytes()) + " bytes, but the file holds " + std::to_string(data.size()));
  const bool reorder = header.fortran_order && type.shape.rank() > 1;
  const bool aligned = reinterpret_cast<uintptr_t>(data.data()) % kTensorAlignment == 0;
  if (owner && aligned && !reorder && type.dtype != DType::kBool)
    return Tensor::view(type.dtype, type.shape, data.data(), std::move(owner));
  Tensor tensor = TRY(Tensor::zeros(type.dtype, type.shape));
  if (reorder) convert_order(type, data.data(), tensor.mutable_data());
  else if (!data.empty()) std::memcpy(tensor.mutable_data(), data.data(), data.size());
  // The engine relies on bools being 0 or 1; numpy treats any other byte as true.
  if (type.dtype == DType::kBool)
    std::for_each_n(tensor.mutable_as<uint8_t>(), data.size(), [](uint8_t& byte) { byte = byte != 0; });
  return tensor;
}

Result<Tensor> parse_npy(std::span<const std::byte> image) { return tensor_of_npy(image, nullptr); }

std::string npy_header(const TensorType& type) {
  const auto name =
      std::find_if(std::begin(kTypeNames), std::end(kTypeNames), [&](const TypeName& t) { return t.dtype == type.dtype; });
  std::string text = "{'descr': '" + std::string(name->descr) + "', 'fortran_order': False, 'shape': (";
  for (int i = 0; i < type.shape.rank(); ++i) text += (i ? ", " : "") + std::to_string(type.shape.size(i));
  text += type.shape.rank() == 1 ? ",), }" : "), }";
  const size_t total = align_up(10 + text.size() + 1, kTensorAlignment);
  text.resize(total - 10 - 1, ' ');
  text += '\n';
  std::string header(kMagic);
  header += {'\x01', '\x00', static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return header + text;
}

}  // namespace tercel
