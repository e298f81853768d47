#include "transport/http/infer_body.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "request/datatype.h"

namespace tercel::transport::http {
namespace {

using request::Signature;

const Signature kTwo{{{"a", DType::kFloat32, {-1, 2}}, {"b", DType::kInt64, {2}}},
                     {{"y", DType::kFloat32, {-1, 2}}, {"z", DType::kInt64, {2}}}};

Signature one(DType dtype) { return {{{"x", dtype, {-1}}}, {{"y", dtype, {-1}}}}; }

// A body in place, as a connection holds it.
struct Parsed {
  Parsed(std::string_view text, std::optional<uint64_t> header_length, const Signature& signature, size_t offset = 0) {
    check(body.reserve(text.size() + offset), "memory");
    std::copy(text.begin(), text.end(), reinterpret_cast<char*>(body.data()) + offset);
    const auto result = parser.parse({body.data() + offset, text.size()}, header_length, signature, request);
    if (!result.ok()) message = result.error().message();
  }
  template <typename T>
  std::vector<T> values(size_t input) const {
    const auto* data = static_cast<const T*>(request.inputs[input].data);
    return std::vector<T>(data, data + request.inputs[input].type.shape.elements());
  }
  request::Buffer body;
  InferBodyParser parser;
  request::InferRequest request;
  std::string message;
};

std::string bytes_of(std::initializer_list<auto> values) {
  std::string bytes;
  for (const auto v : values) bytes.append(reinterpret_cast<const char*>(&v), sizeof v);
  return bytes;
}

TEST(InferBody, ReadsJsonInAnyOrderOfKeysAndInputs) {
  const std::string texts[] = {
      R"({"id":"7","inputs":[{"name":"a","shape":[2,2],"datatype":"FP32","data":[[1,2],[3,4.5]]},)"
      R"({"name":"b","shape":[2],"datatype":"INT64","data":[5,-6]}]})",
      R"({"inputs":[{"data":[5,-6],"datatype":"INT64","name":"b","shape":[2]},)"
      R"({"parameters":{"x":[[{}]]},"shape":[2,2],"data":[1,2,3,4.5],"name":"a","datatype":"FP32"}],"id":"7","outputs":[]})",
      " {\n\"unknown\":{\"deep\":[1,{\"inputs\":3}]},\"inputs\" : [ "
      "{\"name\":\"a\",\"shape\":[2,2],\"datatype\":\"FP32\",\"data\":[[[1],[2]],[3,4.5]]} ,"
      "{\"name\":\"b\",\"shape\":[2],\"datatype\":\"INT64\",\"data\":[5,-6]}], \"id\":\"7\"}\n",
  };
  for (const auto& text : texts) {
    const Parsed p(text, {}, kTwo);
    ASSERT_EQ(p.message, "") << text;
    EXPECT_EQ(p.request.id, "7");
    EXPECT_EQ(p.values<float>(0), (std::vector<float>{1, 2, 3, 4.5f}));
    EXPECT_EQ(p.values<int64_t>(1), (std::vector<int64_t>{5, -6}));
    ASSERT_EQ(p.request.outputs.size(), 2u);
    EXPECT_FALSE(p.request.outputs[0].binary);
  }
}

TEST(InferBody, ReadsBinaryInPlaceWhereItIsAligned) {
  std::string json =
      R"({"inputs":[{"name":"b","shape":[2],"datatype":"INT64","parameters":{"binary_data_size":16}},)"
      R"({"name":"a","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}],"parameters":{"binary_data_output":true}})";
  const std::string text = json + bytes_of({int64_t{7}, int64_t{-8}}) + bytes_of({1.5f, 2.5f});
  for (size_t offset = 0; offset < 64; ++offset) {
    const Parsed p(text, json.size(), kTwo, offset);
    ASSERT_EQ(p.message, "");
    EXPECT_EQ(p.values<int64_t>(1), (std::vector<int64_t>{7, -8}));
    EXPECT_EQ(p.values<float>(0), (std::vector<float>{1.5f, 2.5f}));
    const bool aligned = (offset + json.size()) % 8 == 0;
    EXPECT_EQ(p.request.inputs[1].data == p.body.data() + offset + json.size(), aligned);
    EXPECT_TRUE(p.request.outputs[0].binary);
  }
}

TEST(InferBody, ChoosesOutputs) {
  const auto with = [](const std::string& rest) {
    return Parsed(
        R"({"inputs":[{"name":"a","shape":[0,2],"datatype":"FP32","data":[]},{"name":"b","shape":[2],"datatype":"INT64","data":[1,2]}],)" +
            rest + "}",
        {}, kTwo);
  };
  const Parsed some = with(R"("outputs":[{"name":"z"},{"name":"y","parameters":{"binary_data":true}}])");
  ASSERT_EQ(some.message, "");
  ASSERT_EQ(some.request.outputs.size(), 2u);
  EXPECT_EQ(some.request.outputs[0].index, 1u);
  EXPECT_FALSE(some.request.outputs[0].binary);
  EXPECT_TRUE(some.request.outputs[1].binary);
  const Parsed by_default = with(
      R"("outputs":[{"name":"z"},{"parameters":{"binary_data":false},"name":"y"}],"parameters":{"binary_data_output":true})");
  EXPECT_TRUE(by_default.request.outputs[0].binary);
  EXPECT_FALSE(by_default.request.outputs[1].binary);
  EXPECT_NE(with(R"("outputs":[{"name":"q"}])").message.find("no output 'q'; it has 'y', 'z'"), std::string::npos);
  EXPECT_NE(with(R"("outputs":[{"name":"z"},{"name":"z"}])").message.find("asked for twice"), std::string::npos);
  EXPECT_NE(with(R"("outputs":[{}])").message.find("an output has no name"), std::string::npos);
  EXPECT_NE(with(R"("outputs":[{"name":"z","parameters":{"classification":3}}])").message.find("classification"),
            std::string::npos);
  EXPECT_NE(with(R"("outputs":[{"name":"z","parameters":{"shared_memory_region":"r"}}])").message.find("shared memory"),
            std::string::npos);
}

TEST(InferBody, ReadsEveryType) {
  const auto json = [](DType dtype, const std::string& data, int n) {
    return R"({"inputs":[{"name":"x","datatype":")" + std::string(request::datatype_name(dtype)) + R"(","shape":[)" +
           std::to_string(n) + R"(],"data":)" + data + "}]}";
  };
  EXPECT_EQ(Parsed(json(DType::kBool, "[true,false,1,0]", 4), {}, one(DType::kBool)).values<bool>(0),
            (std::vector<bool>{true, false, true, false}));
  EXPECT_EQ(Parsed(json(DType::kInt8, "[-128,127]", 2), {}, one(DType::kInt8)).values<int8_t>(0),
            (std::vector<int8_t>{-128, 127}));
  EXPECT_EQ(Parsed(json(DType::kUint8, "[0,255]", 2), {}, one(DType::kUint8)).values<uint8_t>(0), (std::vector<uint8_t>{0, 255}));
  EXPECT_EQ(Parsed(json(DType::kUint64, "[18446744073709551615]", 1), {}, one(DType::kUint64)).values<uint64_t>(0)[0],
            UINT64_MAX);
  EXPECT_EQ(Parsed(json(DType::kInt64, "[-9223372036854775808]", 1), {}, one(DType::kInt64)).values<int64_t>(0)[0], INT64_MIN);
  EXPECT_EQ(Parsed(json(DType::kFloat64, "[1e300,-0.0,3]", 3), {}, one(DType::kFloat64)).values<double>(0),
            (std::vector<double>{1e300, -0.0, 3}));
  struct Case {
    DType dtype;
    const char* data;
    const char* says;
  };
  const Case cases[] = {
      {DType::kInt8, "[128]", "value 0 of data is out of the range"},
      {DType::kUint8, "[1,-1]", "value 1 of data"},
      {DType::kInt32, "[1.5]", "value 0 of data"},
      {DType::kInt32, "[true]", "value 0 of data has the wrong JSON type"},
      {DType::kBool, "[2]", "out of the range"},
      {DType::kFloat32, "[null]", "wrong JSON type"},
      {DType::kFloat32, "[\"1\"]", "value 0 of data"},
      {DType::kFloat32, "[NaN]", "value 0 of data"},
      {DType::kFloat32, "3", "data has the wrong JSON type"},
      {DType::kFloat16, "[1]", "16-bit floats have no JSON form"},
      {DType::kBFloat16, "[1]", "16-bit floats have no JSON form"},
      {DType::kFloat32, "[1,2]", "more than the 1 values"},
      {DType::kFloat32, "[]", "data holds 0 values, its shape needs 1"},
  };
  for (const auto& c : cases) {
    const Parsed p(json(c.dtype, c.data, std::string(c.data) == "[1,-1]" ? 2 : 1), {}, one(c.dtype));
    EXPECT_NE(p.message.find(c.says), std::string::npos) << c.data << ": " << p.message;
  }
}

TEST(InferBody, HalfFloatsTravelAsBinaryOnly) {
  const std::string json = R"({"inputs":[{"name":"x","datatype":"FP16","shape":[2],"parameters":{"binary_data_size":4}}])";
  const std::string all = json + R"(,"outputs":[{"name":"y","parameters":{"binary_data":true}}]})";
  EXPECT_EQ(Parsed(all + "abcd", all.size(), one(DType::kFloat16)).message, "");
  EXPECT_NE(Parsed(json + "}abcd", json.size() + 1, one(DType::kFloat16)).message.find("ask for it as binary data"),
            std::string::npos);
}

TEST(InferBody, ReadsRawRequests) {
  const std::string floats = bytes_of({1.0f, 2.0f, 3.0f});
  const Parsed p(floats, 0, one(DType::kFloat32));
  ASSERT_EQ(p.message, "");
  EXPECT_EQ(p.request.inputs[0].type.shape, (Shape{3}));
  EXPECT_TRUE(p.request.outputs[0].binary);
  EXPECT_NE(Parsed("abc", 0, one(DType::kFloat32)).message.find("does not fill input 'x' of shape [-1]"), std::string::npos);
  EXPECT_NE(Parsed(floats, 0, kTwo).message.find("one input"), std::string::npos);
  EXPECT_NE(Parsed(floats, 0, {{{"x", DType::kFloat32, {-1, -1}}}, {}}).message.find("at most one free extent"),
            std::string::npos);
}

TEST(InferBody, RefusesWithASentence) {
  const std::string a = R"({"name":"a","shape":[1,2],"datatype":"FP32","data":[1,2]})",
                    b = R"({"name":"b","shape":[2],"datatype":"INT64","data":[1,2]})";
  struct Case {
    std::string text;
    const char* says;
  };
  const Case cases[] = {
      {"", "the body is empty"},
      {"{", "not valid JSON"},
      {"[]", "the request has the wrong JSON type"},
      {"{}", "the request has no inputs; the model wants 'a', 'b'"},
      {R"({"inputs":3})", "inputs has the wrong JSON type"},
      {R"({"inputs":[3]})", "an element of inputs has the wrong JSON type"},
      {R"({"inputs":[{}]})", "an input has no name"},
      {R"({"inputs":[{"name":"a"}]})", "input 'a' has no datatype"},
      {R"({"inputs":[{"name":"a","datatype":"FP32"}]})", "input 'a' has no shape"},
      {R"({"inputs":[{"name":"a","datatype":"FP32","shape":[1,2]}]})", "input 'a' has no data"},
      {R"({"inputs":[{"name":"a","datatype":"FP32","shape":[1,-2],"data":[]}]})", "an extent of shape"},
      {R"({"inputs":[{"name":"a","datatype":"FP32","shape":[1,2,3,4,5,6,7,8,9],"data":[]}]})", "more than 8 extents"},
      {R"({"inputs":[{"name":"a","datatype":"FP32","shape":[4611686018427387904,2],"data":[]}]})", "larger than"},
      {R"({"inputs":[{"name":"a","datatype":"FP32","shape":[1000000000000,2],"data":[1]}]})", ""},
      {R"({"inputs":[{"name":"a","datatype":"FP32","shape":[100000000,2],"data":[1]}]})", "fewer values than its shape needs"},
      {R"({"inputs":[{"name":"a","datatype":"FP64","shape":[1,2],"data":[1,2]}]})", "datatype FP64, the model wants FP32"},
      {R"({"inputs":[{"name":"a","datatype":"BYTES","shape":[1,2],"data":["x","y"]}]})", "BYTES"},
      {R"({"inputs":[{"name":"a","datatype":"fp32","shape":[1,2],"data":[1,2]}]})", "unknown datatype 'fp32'"},
      {R"({"inputs":[{"name":"a","datatype":"FP32","shape":[2],"data":[1,2]}]})", "shape [2], the model wants [-1,2]"},
      {R"({"inputs":[{"name":"c","datatype":"FP32","shape":[2],"data":[1,2]}]})", "the model has no input 'c'; it has 'a', 'b'"},
      {R"({"inputs":[)" + a + "," + a + "]}", "input 'a' is given twice"},
      {R"({"inputs":[)" + a + "]}", "input 'b' is missing"},
      {R"({"inputs":[)" + a + "," + b + R"(],"inputs":[]})", "inputs is given twice"},
      {R"({"inputs":[)" + a + "," + b + "]} x", "not valid JSON"},
      {R"({"inputs":[)" + a + "," + b + "]} {}", "something follows"},
      {R"({"inputs":[)" + a + "," + b + R"(],"id":3})", "id has the wrong JSON type"},
      {R"({"inputs":[)" + a + "," + b + R"(],"parameters":[]})", "parameters has the wrong JSON type"},
      {R"({"inputs":[{"name":"a","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8}}]})",
       "needs 8 binary bytes, but only 0"},
      {R"({"inputs":[{"name":"a","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":9}}]})",
       "binary_data_size 9, its shape and datatype need 8"},
      {R"({"inputs":[{"name":"a","datatype":"FP32","shape":[1,2],"parameters":{"shared_memory_region":"r"}}]})",
       "shared memory is not offered"},
      {R"({"inputs":[{"name":"a","datatype":"FP32","shape":[1,2],"data":[1,2],"data":[1,2]}]})", "data is given twice"},
      {"{\"inputs\":[{\"name\":\"\xff\"}]}", "not valid JSON"},
  };
  for (const auto& c : cases) {
    const Parsed p(c.text, {}, kTwo);
    EXPECT_NE(p.message, "") << c.text;
    EXPECT_NE(p.message.find(c.says), std::string::npos) << c.text << ": " << p.message;
  }
  EXPECT_NE(Parsed("{}", 3, kTwo).message.find("Inference-Header-Content-Length is 3, but the body has only 2"),
            std::string::npos);
  const std::string whole = R"({"inputs":[)" + a + "," + b + "]}";
  EXPECT_EQ(Parsed(whole + "xyz", whole.size(), kTwo).message, "3 bytes follow the last tensor");
  EXPECT_NE(Parsed(R"({"id":")" + std::string(5000, 'i') + R"(","inputs":[]})", {}, kTwo).message.find("id is longer"),
            std::string::npos);
}

TEST(InferBody, DeepNestingIsRefusedOrIgnoredButNeverFatal) {
  const std::string open(200'000, '['), close(200'000, ']');
  EXPECT_NE(Parsed(open, {}, kTwo).message, "");
  EXPECT_NE(Parsed(open + close, {}, kTwo).message, "");
  const Parsed data(R"({"inputs":[{"name":"a","shape":[1,2],"datatype":"FP32","data":)" + open + "1,2" + close + "}]}", {}, kTwo);
  EXPECT_NE(data.message.find("nested deeper than"), std::string::npos) << data.message;
  const Parsed parameter(R"({"x":)" + open + close + R"(,"inputs":[]})", {}, kTwo);
  EXPECT_NE(parameter.message.find("input 'a' is missing"), std::string::npos) << parameter.message;
  std::string objects;
  for (int i = 0; i < 200'000; ++i) objects += R"({"inputs":)";
  EXPECT_NE(Parsed(objects, {}, kTwo).message, "");
}

TEST(InferBody, SurvivesMutations) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string json = R"({"id":"a","parameters":{"binary_data_output":true},"inputs":[)"
                           R"({"data":[[1,2.5],[3e2,-4]],"name":"a","shape":[2,2],"datatype":"FP32"},)"
                           R"({"name":"b","shape":[2],"datatype":"INT64","parameters":{"binary_data_size":16}}],)"
                           R"("outputs":[{"name":"y","parameters":{"binary_data":false}}]})";
  const std::string pieces[] = {
      "[", "]", "{", "}", "\"", ",", ":", "\\u0000", "null", "-1", "1e999", "99999999999999999999", "\"data\":[1],", "[[[[[["};
  InferBodyParser parser;
  request::InferRequest request;
  request::Buffer body;
  int accepted = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string text = json;
    for (uint64_t edits = random() % 4; edits > 0 && !text.empty(); --edits) {
      const size_t at = random() % text.size();
      switch (random() % 4) {
        case 0: text[at] = static_cast<char>(random()); break;
        case 1: text.erase(at, 1 + random() % 9); break;
        case 2: text.insert(at, pieces[random() % std::size(pieces)]); break;
        case 3: text.insert(at, text.substr(random() % text.size(), random() % 40)); break;
      }
    }
    const size_t json_bytes = text.size();
    text += std::string(random() % 8 == 0 ? random() % 32 : 16, 'b');
    ASSERT_TRUE(body.reserve(text.size()));
    std::memcpy(body.data(), text.data(), text.size());
    const auto result = parser.parse({body.data(), text.size()}, json_bytes, kTwo, request);
    if (!result.ok()) {
      EXPECT_FALSE(result.error().message().empty());
      continue;
    }
    ++accepted;
    for (const auto& input : request.inputs) ASSERT_NE(input.data, nullptr);
  }
  EXPECT_GT(accepted, 500);
}

}  // namespace
}  // namespace tercel::transport::http
