#include "tensor/npy.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

namespace tercel {
namespace {

namespace fs = std::filesystem;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string npy(const std::string& dictionary, const std::string& data, char major = 1) {
  std::string image("\x93NUMPY", 6);
  image += {major, '\0', static_cast<char>(dictionary.size() & 0xff), static_cast<char>(dictionary.size() >> 8)};
  if (major > 1) image += std::string(2, '\0');
  return image + dictionary + data;
}

std::string floats(std::initializer_list<float> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * 4};
}

std::vector<float> values_of(const Tensor& tensor) { return {tensor.as<float>(), tensor.as<float>() + tensor.elements()}; }

class NpyFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "npy_test.XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ / name; }
  void save(const std::string& name, const std::string& image) const { std::ofstream(path(name), std::ios::binary) << image; }
  fs::path folder_;
};

TEST(Npy, ReadsWhatNumpyWrites) {
  const std::string data = floats({1, 2, 3, 4, 5, 6});
  const struct {
    std::string image;
    Shape shape;
    std::vector<float> values;
  } kCases[] = {
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }      \n", data), {2, 3}, {1, 2, 3, 4, 5, 6}},
      {npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n", data), {2, 3}, {1, 3, 5, 2, 4, 6}},
      {npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2, 3), }\n", data), {1, 2, 3}, {1, 3, 5, 2, 4, 6}},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }\n", data, 2), {6}, {1, 2, 3, 4, 5, 6}},
      {npy("{\"shape\":(6L,),\"fortran_order\":False,\"descr\":\"<f4\"}", data, 3), {6}, {1, 2, 3, 4, 5, 6}},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", floats({7})), {}, {7}},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 0), }\n", ""), {3, 0}, {}},
  };
  for (const auto& c : kCases) {
    const auto tensor = parse_npy(bytes_of(c.image));
    ASSERT_TRUE(tensor.ok()) << tensor.error().message();
    EXPECT_EQ(tensor->dtype(), DType::kFloat32);
    EXPECT_EQ(tensor->shape(), c.shape);
    EXPECT_EQ(values_of(*tensor), c.values);
  }
}

TEST(Npy, RefusesWithTheFieldThatIsWrong) {
  const std::string data = floats({1, 2});
  const struct {
    std::string image, message;
  } kCases[] = {
      {"", "does not start with"},
      {"hello, world", "does not start with"},
      {npy("{}", "", 9), "version 9"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", data).substr(0, 30), "ends within its header"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n", data), "takes 12 bytes, but the file holds 8"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n", data), "takes 4 bytes, but the file holds 8"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }\n", data), "extent over"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 1000000000), }\n", data), "more than"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,2), }\n", data), "rank over 8"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }\n", data), "non-negative integers"},
      {npy("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,), }\n", data), "fortran_order"},
      {npy("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }\n", data), "big-endian"},
      {npy("{'descr': '|S4', 'fortran_order': False, 'shape': (2,), }\n", data), "not a number type"},
      {npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }\n", data), "structured"},
      {npy("{'descr': '<f4', 'shape': (2,), }\n", data), "lacks descr, fortran_order or shape"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'evil': 1}\n", data), "unknown or repeated field 'evil'"},
      {npy("{'descr': '<f4, 'fortran_order': False, 'shape': (2,)", data), "'<f4, ' is not"},
      {npy("{'descr' '<f4', 'fortran_order': False, 'shape': (2,), }", data), "':'"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", data), "lacks ','"},
  };
  for (const auto& c : kCases) {
    const auto tensor = parse_npy(bytes_of(c.image));
    ASSERT_FALSE(tensor.ok()) << c.message;
    EXPECT_NE(tensor.error().message().find(c.message), std::string::npos) << tensor.error().message();
  }
}

TEST(Npy, BoolsBecomeZeroOrOne) {
  const auto tensor =
      parse_npy(bytes_of(npy("{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }\n", std::string("\x00\x01\xff", 3))));
  ASSERT_TRUE(tensor.ok());
  EXPECT_EQ(std::memcmp(tensor->data(), "\x00\x01\x01", 3), 0);
}

TEST_F(NpyFiles, EveryTypeSurvivesARoundTrip) {
  std::mt19937 random(5);
  std::vector<NpzMember> members;
  std::vector<Tensor> tensors;
  for (int t = 0; t < kDTypeCount; ++t) {
    const auto dtype = static_cast<DType>(t);
    Tensor tensor = Tensor::zeros(dtype, {3, 5}).take();
    for (size_t i = 0; i < tensor.bytes(); ++i)
      tensor.mutable_as<uint8_t>()[i] = static_cast<uint8_t>(dtype == DType::kBool ? random() % 2 : random());
    ASSERT_TRUE(write_npy(path("one.npy"), tensor.type(), tensor.data()).ok());
    const auto back = read_npy(path("one.npy"));
    ASSERT_TRUE(back.ok()) << back.error().message();
    EXPECT_EQ(back->type(), tensor.type());
    EXPECT_EQ(std::memcmp(back->data(), tensor.data(), tensor.bytes()), 0) << dtype_name(dtype);
    tensors.push_back(tensor);
    members.push_back({std::string(dtype_name(dtype)), tensor.type(), tensors.back().data()});
  }
  members.push_back({"empty", {DType::kFloat32, {0, 4}}, nullptr});
  ASSERT_TRUE(write_npz(path("all.npz"), members).ok());
  const auto all = read_npz(path("all.npz"));
  ASSERT_TRUE(all.ok()) << all.error().message();
  ASSERT_EQ(all->size(), members.size());
  for (size_t i = 0; i < all->size(); ++i) {
    EXPECT_EQ((*all)[i].first, members[i].name);
    EXPECT_EQ((*all)[i].second.type(), members[i].type);
    if (!members[i].data) continue;
    EXPECT_EQ(std::memcmp((*all)[i].second.data(), members[i].data, members[i].type.bytes()), 0);
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 2) << "something was left behind";
}

TEST_F(NpyFiles, ErrorsNameTheFile) {
  save("bad.npy", "nothing");
  EXPECT_NE(read_npy(path("bad.npy")).error().message().find("bad.npy"), std::string::npos);
  EXPECT_NE(read_npz(path("bad.npy")).error().message().find("bad.npy"), std::string::npos);
  EXPECT_EQ(read_npy(path("none.npy")).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(read_npy(folder_).error().code(), ErrorCode::kInvalid);
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_npy(path("pipe")).error().code(), ErrorCode::kInvalid);
  const float one = 1;
  EXPECT_FALSE(write_npy(path("no/such/folder.npy"), {DType::kFloat32, {}}, &one).ok());
}

TEST(Npz, ReadsTheCommittedArchives) {
  const fs::path corpus = fs::path(TERCEL_SOURCE_DIR) / "fuzz/corpus/npy";
  const auto deflated = read_npz(corpus / "deflated.npz");
  ASSERT_TRUE(deflated.ok()) << deflated.error().message();
  ASSERT_EQ(deflated->size(), 2u);
  EXPECT_EQ((*deflated)[0].first, "ramp");
  ASSERT_EQ((*deflated)[0].second.shape(), (Shape{40}));
  for (int i = 0; i < 40; ++i) EXPECT_EQ((*deflated)[0].second.as<int64_t>()[i], i);
  EXPECT_EQ((*deflated)[1].first, "halves");
  EXPECT_EQ(static_cast<float>((*deflated)[1].second.as<Half>()[1]), 0.5f);
}

TEST(Npz, RefusesABomb) {
  // A member that claims 4 GB in a few bytes.
  const fs::path file = fs::path(TERCEL_SOURCE_DIR) / "fuzz/corpus/npy/deflated.npz";
  std::ifstream in(file, std::ios::binary);
  std::string image((std::istreambuf_iterator<char>(in)), {});
  const size_t entry = image.find("PK\x01\x02");
  ASSERT_NE(entry, std::string::npos);
  const uint32_t claim = 0xf0000000;
  std::memcpy(image.data() + entry + 24, &claim, 4);
  const auto result = parse_npz(bytes_of(image));
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message().find("more than deflate can"), std::string::npos) << result.error().message();
}

// Flips, cuts, repeats and overwrites bytes of valid files: each result is a tensor or an error.
TEST(Npy, SurvivesMutations) {
  constexpr int kMutations = 5000;
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<std::string> images;
  for (const auto& file : fs::directory_iterator(fs::path(TERCEL_SOURCE_DIR) / "fuzz/corpus/npy")) {
    std::ifstream in(file.path(), std::ios::binary);
    images.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  ASSERT_GE(images.size(), 5u);
  int accepted = 0;
  for (int i = 0; i < kMutations; ++i) {
    std::string image = images[random() % images.size()];
    for (unsigned edits = 1 + random() % 4; edits > 0 && !image.empty(); --edits) {
      const size_t at = random() % image.size();
      switch (random() % 4) {
        case 0: image[at] = static_cast<char>(image[at] ^ (1 << random() % 8)); break;
        case 1: image.resize(at); break;
        case 2: image.insert(at, image.substr(at, random() % 16)); break;
        default: image[at] = "\x00\xff\x7f\x80 (0"[random() % 7]; break;
      }
    }
    const auto one = parse_npy(bytes_of(image));
    const auto many = parse_npz(bytes_of(image));
    accepted += one.ok() || many.ok();
  }
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace tercel
