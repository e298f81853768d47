#include "plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/crc32c.h"
#include "plan/block_checks.h"
#include "plan/layout.h"
#include "plan/sample_program.h"

namespace tercel::plan {
namespace {

using testing::HasSubstr;

constexpr std::byte kPacked[100] = {std::byte{7}};

std::vector<char> read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_all(const std::string& path, std::span<const char> bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

class PlanFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "tercel_plan_" + std::to_string(::getpid());
    std::filesystem::create_directories(folder_);
    path_ = folder_ + "/sample.plan";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  size_t files() const { return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_), {})); }
  std::vector<char> sample_bytes() {
    write(sample_program(kPacked), path_).value();
    return read_all(path_);
  }
  std::string refusal_of(std::span<const char> bytes) {
    write_all(path_, bytes);
    const auto program = open(path_);
    return program.ok() ? "" : program.error().message();
  }

  std::string folder_, path_;
};

void expect_sample(const Program& program) {
  EXPECT_EQ(program.model_name, "sample");
  EXPECT_EQ(program.symbols, std::vector<std::string>{"batch"});
  ASSERT_EQ(program.graphs.size(), 3u);
  const ProgramGraph& main = program.main();
  ASSERT_EQ(main.nodes.size(), 2u);
  EXPECT_EQ(main.nodes[0].op, ops::find_op("Add"));
  EXPECT_EQ(main.nodes[1].inputs, (std::vector<ValueId>{1, 4, 3}));
  EXPECT_EQ(main.values[0].type.shape, (Shape{Dim::symbol(0), Dim(4)}));
  EXPECT_EQ(main.values[5].type.shape, (Shape{Dim::unknown(), Dim(4)}));
  EXPECT_EQ(main.values[2].constant.as<float>()[3], 4.0f);
  const ops::Attributes& attributes = main.nodes[1].attributes;
  EXPECT_EQ(attributes.get_float("a_float", 0), 0.5f);
  EXPECT_EQ(attributes.get_string("a_string", ""), "text");
  EXPECT_EQ(attributes.get_ints("ints")[1], -2);
  EXPECT_EQ(attributes.get_floats("floats")[0], 1.5f);
  EXPECT_EQ(*attributes.get<std::vector<std::string>>("strings"), (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(attributes.get<Tensor>("tensor")->shape(), (Shape{Dim(2), Dim(2)}));
  EXPECT_EQ(attributes.get<ops::GraphRef>("else_branch")->index, 2u);
  ASSERT_EQ(program.profile.size(), 2u);
  EXPECT_EQ(program.profile[0].high, (std::vector<int64_t>{8, 4}));
  EXPECT_EQ(program.profile[0].axis_names[0], "batch");
  EXPECT_EQ(program.passes[0].name, "fold");
  ASSERT_EQ(program.tuned.size(), 1u);
  const TunedSection& tuned = program.tuned[0];
  EXPECT_EQ(tuned.isa, platform::kAvx2);
  ASSERT_EQ(tuned.buckets.size(), 1u);
  EXPECT_EQ(tuned.buckets[0].tactics, (std::vector<uint32_t>{0, kUntuned}));
  EXPECT_EQ(tuned.buckets[0].latency[0].p999_us, 0);
  EXPECT_EQ(tuned.buckets[0].latency[1].p99_us, 9);
  EXPECT_EQ(tuned.buckets[0].latency[1].p999_us, 12);
  EXPECT_EQ(tuned.packed[0].format, "add/packed");
  EXPECT_EQ(std::memcmp(tuned.packed[0].bytes.data(), kPacked, sizeof kPacked), 0);
  EXPECT_EQ(tuned.notes[0].reason, "slower: 12.3 us against 8.1 us");
}

TEST_F(PlanFile, ComesBackAsWritten) {
  const uint64_t bytes = write(sample_program(kPacked), path_).value();
  EXPECT_EQ(bytes, std::filesystem::file_size(path_));
  EXPECT_EQ(files(), 1u);
  const auto program = open(path_).take();
  expect_sample(*program);
  expect_sample(*write_in_memory(*program).value());
}

TEST_F(PlanFile, AlignsAndStoresIdenticalContentsOnce) {
  const auto program = write_in_memory(sample_program(kPacked)).take();
  const auto& values = program->main().values;
  EXPECT_EQ(values[2].constant.data(), values[3].constant.data());
  EXPECT_EQ(program->main().nodes[1].attributes.get<Tensor>("tensor")->data(), values[2].constant.data());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(values[2].constant.data()) % kTensorAlignment, 0u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(program->tuned[0].packed[0].bytes.data()) % kTensorAlignment, 0u);
}

TEST_F(PlanFile, OpenPlanOutlivesItsReplacement) {
  write(sample_program(kPacked), path_).value();
  const auto program = open(path_).take();
  Program other = sample_program(kPacked);
  other.model_name = "other";
  write(other, path_).value();
  std::filesystem::remove(path_);
  expect_sample(*program);
}

TEST_F(PlanFile, RefusesTruncation) {
  const auto bytes = sample_bytes();
  for (size_t n = 0; n < bytes.size(); n += n < 300 ? 1 : 97) {
    const std::string reason = refusal_of(std::span(bytes).first(n));
    EXPECT_THAT(reason, HasSubstr(n < sizeof kMagic ? "not a plan" : "truncated")) << n;
    EXPECT_EQ(is_plan(std::as_bytes(std::span(bytes).first(n))), n >= sizeof kMagic) << n;
  }
}

TEST_F(PlanFile, NamesTheCorruptedSection) {
  const auto bytes = sample_bytes();
  std::vector<SectionEntry> table(7);
  std::memcpy(table.data(), bytes.data() + sizeof(Header), table.size() * sizeof(SectionEntry));
  for (const SectionEntry& entry : table) {
    auto damaged = bytes;
    damaged[entry.offset + entry.length / 2] ^= 1;
    std::string reason = refusal_of(damaged);
    if (entry.kind == SectionKind::kPacked) {
      EXPECT_EQ(reason, "");
      const auto program = open(path_).take();  // read by who uses them
      reason = program->check(program->tuned[0].packed[0].bytes).error().message();
    }
    EXPECT_THAT(reason, HasSubstr("section '" + section_name(entry) + "' fails its checksum"));
  }
  auto damaged = bytes;
  damaged[sizeof(Header) + 8] ^= 1;
  EXPECT_THAT(refusal_of(damaged), HasSubstr("header fails its checksum"));
  damaged = bytes;
  damaged.push_back(0);
  EXPECT_THAT(refusal_of(damaged), HasSubstr("follow its end"));
}

// Rewrites all checksums of an image after it was changed on purpose.
void reseal(std::vector<char>& bytes) {
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  std::vector<SectionEntry> table(header.section_count);
  std::memcpy(table.data(), bytes.data() + sizeof header, table.size() * sizeof(SectionEntry));
  for (SectionEntry& entry : table) entry.crc = crc32c(0, std::as_bytes(std::span(bytes).subspan(entry.offset, entry.length)));
  header.crc = header_crc(header, table);
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + sizeof header, table.data(), table.size() * sizeof(SectionEntry));
}

// Checksums of blocks stand for the whole one of a blob: no other section gets out of its own that way.
TEST_F(PlanFile, OnlyBlobsAreCheckedLater) {
  auto bytes = sample_bytes();
  const size_t at = sizeof(Header) + 4 * sizeof(SectionEntry) + offsetof(SectionEntry, index);
  const uint32_t program_section = 0;
  std::memcpy(bytes.data() + at, &program_section, sizeof program_section);
  reseal(bytes);
  EXPECT_THAT(refusal_of(bytes), HasSubstr("section 'blocks 0' fails its checksum"));
}

// The section behind the others, as its readers find it.
SectionEntry& tails_of(std::vector<SectionEntry>& table, std::span<const char> bytes) {
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  table.resize(header.section_count);
  std::memcpy(table.data(), bytes.data() + sizeof header, table.size() * sizeof(SectionEntry));
  check(table.back().kind == SectionKind::kTails, "the sample promises a p99.9");
  return table.back();
}

TEST_F(PlanFile, BuildsThatDoNotKnowTailsSkipThem) {
  auto bytes = sample_bytes();
  std::vector<SectionEntry> table;
  tails_of(table, bytes).kind = static_cast<SectionKind>(99);
  std::memcpy(bytes.data() + sizeof(Header), table.data(), table.size() * sizeof(SectionEntry));
  reseal(bytes);
  write_all(path_, bytes);
  const auto program = open(path_).take();
  EXPECT_EQ(program->tuned[0].buckets[0].latency[1].p99_us, 9);
  EXPECT_EQ(program->tuned[0].buckets[0].latency[1].p999_us, 0);
}

TEST_F(PlanFile, PlansFromBeforeTailsOpen) {
  for (const auto& [seed, p999_us] : {std::pair("sample", 0), std::pair("tails", 12)}) {
    const auto program = open(std::string(TERCEL_SOURCE_DIR) + "/fuzz/corpus/plan/" + seed + ".plan");
    ASSERT_TRUE(program.ok()) << program.error().message();
    EXPECT_EQ((*program)->tuned[0].buckets[0].latency[1].p99_us, 9);
    EXPECT_EQ((*program)->tuned[0].buckets[0].latency[1].p999_us, p999_us);
  }
}

TEST_F(PlanFile, PlansThatPromiseNoTailsLookAsTheyDid) {
  Program program = sample_program(kPacked);
  program.tuned[0].buckets[0].latency[1].p999_us = 0;
  write(program, path_).value();
  Header header;
  std::memcpy(&header, read_all(path_).data(), sizeof header);
  EXPECT_EQ(header.section_count, 6u);
}

TEST_F(PlanFile, RefusesTailsOfAnotherSection) {
  const auto good = sample_bytes();
  std::vector<SectionEntry> table;
  const SectionEntry tails = tails_of(table, good);
  for (const uint64_t at : {uint64_t{0}, uint64_t{4}}) {  // the number of buckets, and of latencies of the first
    auto bytes = good;
    ++bytes[tails.offset + at];
    reseal(bytes);
    EXPECT_THAT(refusal_of(bytes), HasSubstr("section 'tails 0'"));
  }
}

TEST_F(PlanFile, RefusesForeignAndNewerFiles) {
  EXPECT_THAT(refusal_of(std::string_view("\x08\x07 this is an ONNX file, honestly")), HasSubstr("not a plan file"));
  auto bytes = sample_bytes();
  const uint32_t newer = kFormatVersion + 1;
  std::memcpy(bytes.data() + offsetof(Header, format_version), &newer, 4);
  EXPECT_THAT(refusal_of(bytes), HasSubstr("use a newer tercel"));
  EXPECT_EQ(open(folder_ + "/absent.plan").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(open(folder_).error().code(), ErrorCode::kInvalid);
}

TEST_F(PlanFile, SaysWhichOperatorIsUnknown) {
  auto bytes = sample_bytes();
  const std::string needle = std::string("\3\0\0\0Add", 7);
  const auto found = std::search(bytes.begin(), bytes.end(), needle.begin(), needle.end());
  ASSERT_NE(found, bytes.end());
  found[6] = 'z';
  reseal(bytes);
  EXPECT_THAT(refusal_of(bytes),
              HasSubstr("node 'add' needs the operator 'Adz', which this build does not know: use a newer tercel"));
}

TEST_F(PlanFile, SkipsTunedSectionsOfIsasItHasNoNameFor) {
  auto bytes = sample_bytes();
  std::vector<SectionEntry> table(4);
  std::memcpy(table.data(), bytes.data() + sizeof(Header), table.size() * sizeof(SectionEntry));
  bytes[table[2].offset + 3] |= 0x40;
  reseal(bytes);
  write_all(path_, bytes);
  const auto program = open(path_).take();
  EXPECT_TRUE(program->tuned.empty());
  EXPECT_EQ(program->graphs.size(), 3u);
}

TEST_F(PlanFile, RefusesProgramsThatDoNotHoldTogether) {
  using Break = void (*)(Program&);
  const std::pair<Break, const char*> cases[] = {
      {[](Program& p) {
         p.graphs.clear();
         p.tuned.clear();
       },
       "no graph"},
      {[](Program& p) { p.graphs[0].nodes[0].inputs[0] = 99; }, "value 99 does not exist"},
      {[](Program& p) { p.graphs[0].nodes[0].inputs[0] = 5; }, "read before it is made"},
      {[](Program& p) { p.graphs[0].nodes[1].outputs[0] = 4; }, "made twice"},
      {[](Program& p) { p.graphs[0].nodes[0].inputs.pop_back(); }, "it has 1 inputs"},
      {[](Program& p) { p.graphs[0].outputs[0] = kNoValue; }, "output that nothing makes"},
      {[](Program& p) { p.graphs[0].inputs[1] = 0; }, "lists an input twice"},
      {[](Program& p) { p.graphs[0].nodes[1].attributes.set("then_branch", ops::GraphRef{3}); }, "graph 3 does not exist"},
      {[](Program& p) { p.graphs[0].nodes[1].attributes.set("then_branch", ops::GraphRef{0}); }, "contains itself"},
      {[](Program& p) { p.profile.pop_back(); }, "the profile has 1 inputs"},
      {[](Program& p) { p.profile[0].low[0] = 9; }, "has no extent for axis 0"},
      {[](Program& p) { p.profile[0].axis_names.pop_back(); }, "disagrees with itself"},
  };
  for (const auto& [damage, reason] : cases) {
    Program program = sample_program(kPacked);
    damage(program);
    const auto written = write(program, path_);
    ASSERT_FALSE(written.ok()) << reason;
    EXPECT_THAT(written.error().message(), HasSubstr(reason));
    EXPECT_EQ(files(), 0u);
  }
}

TEST_F(PlanFile, RefusesDeepNesting) {
  Program program = sample_program(kPacked);
  const size_t deepest = 40;
  while (program.graphs.size() <= deepest) {
    const uint32_t next = static_cast<uint32_t>(program.graphs.size()) + 1;
    program.graphs.push_back(program.graphs[1]);
    if (program.graphs.size() > deepest) break;
    ProgramGraph& graph = program.graphs.back();
    graph.values.push_back(value_of("c", DType::kBool, {}));
    graph.values.push_back(value_of("out", DType::kFloat32, {}));
    graph.inputs.push_back(2);
    graph.nodes = {node_of("If", "deeper", {2}, {3})};
    graph.nodes[0].attributes.set("then_branch", ops::GraphRef{next});
  }
  const auto written = write(program, path_);
  ASSERT_FALSE(written.ok());
  EXPECT_THAT(written.error().message(), HasSubstr("nest deeper"));
}

TEST_F(PlanFile, LeavesNothingBehindOnFailure) {
  EXPECT_EQ(write(sample_program(kPacked), folder_ + "/absent/x.plan").error().code(), ErrorCode::kIo);
  std::filesystem::create_directory(path_);  // a rename over a folder fails
  EXPECT_EQ(write(sample_program(kPacked), path_).error().code(), ErrorCode::kIo);
  EXPECT_EQ(files(), 1u);
  std::filesystem::remove(path_);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{4096, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto written = write(sample_program(kPacked), path_);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(written.error().code(), ErrorCode::kIo);
  EXPECT_EQ(files(), 0u);
}

// Bytes of this process that lie in mappings of `path`.
size_t resident_bytes_of(const std::string& path) {
  std::ifstream maps("/proc/self/smaps");
  size_t kilobytes = 0;
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') != line.npos && line.find('-') < line.find(' ')) inside = line.ends_with(path);
    else if (inside && line.starts_with("Rss:")) kilobytes += std::stoul(line.substr(4));
  }
  return kilobytes * 1024;
}

TEST_F(PlanFile, CheckingLeavesTheWeightsOutOfMemory) {
  constexpr int64_t kElements = int64_t{8} << 20;
  Program program = sample_program(kPacked);
  Tensor big = Tensor::zeros(DType::kFloat32, {Dim(kElements)}).take();
  for (int64_t i = 0; i < kElements; ++i) big.mutable_as<float>()[i] = static_cast<float>(i);
  program.graphs[0].values.push_back({.name = "big", .type = big.type(), .is_constant = true, .constant = big});
  write(program, path_).value();
  const auto opened = open(path_).take();
  EXPECT_LT(resident_bytes_of(path_), size_t{1} << 20);
  EXPECT_EQ(opened->main().values.back().constant.as<float>()[kElements - 1], static_cast<float>(kElements - 1));
}

TEST_F(PlanFile, LargeConstantsAreCheckedBlockByBlockWhenTheyAreRead) {
  constexpr int64_t kElements = 5 * kBlockBytes / sizeof(float) + 3;  // the last block is not whole
  Program program = sample_program(kPacked);
  Tensor big = Tensor::zeros(DType::kFloat32, {Dim(kElements)}).take();
  for (int64_t i = 0; i < kElements; ++i) big.mutable_as<float>()[i] = static_cast<float>(i);
  program.graphs[0].values.push_back({.name = "big", .type = big.type(), .is_constant = true, .constant = big});
  write(program, path_).value();
  auto bytes = read_all(path_);
  // The last float, wherever it lies.
  const float last = static_cast<float>(kElements - 1);
  const auto* needle = reinterpret_cast<const char*>(&last);
  const auto found = std::find_end(bytes.begin(), bytes.end(), needle, needle + sizeof last);
  ASSERT_NE(found, bytes.end());
  *found ^= 1;
  write_all(path_, bytes);
  const auto damaged = open(path_).take();
  const Tensor& constant = damaged->main().values.back().constant;
  const std::span all(constant.as<std::byte>(), constant.bytes());
  EXPECT_TRUE(damaged->check(all.first(4 * kBlockBytes)).ok());
  EXPECT_THAT(damaged->check(all).error().message(), HasSubstr("section 'weights' fails its checksum at byte"));
  EXPECT_FALSE(damaged->check(all.last(1)).ok());  // and stays so
  *found ^= 1;
  write_all(path_, bytes);
  const auto whole = open(path_).take();
  EXPECT_TRUE(whole->check({whole->main().values.back().constant.as<std::byte>(), constant.bytes()}).ok());
  EXPECT_TRUE(whole->check({}).ok());
  const std::byte elsewhere{};
  EXPECT_TRUE(whole->check({&elsewhere, 1}).ok());
}

TEST_F(PlanFile, NoMutationGetsThroughUnnoticed) {
  const auto bytes = sample_bytes();
  const auto seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  std::vector<SectionEntry> table(header.section_count);
  std::memcpy(table.data(), bytes.data() + sizeof header, table.size() * sizeof(SectionEntry));
  int parsed = 0;
  for (int round = 0; round < 20000; ++round) {
    auto mutated = bytes;
    for (int n = 1 + static_cast<int>(random() % 4); n > 0; --n) {
      // Half of the mutations go to the tables of one section, the others anywhere but into padding.
      const SectionEntry& entry = table[random() % 2 ? 0 : random() % table.size()];
      const size_t at = random() % 8 == 0 ? random() % (sizeof header + sizeof(SectionEntry) * table.size())
                                          : entry.offset + random() % std::max<uint64_t>(entry.length, 1);
      mutated[std::min(at, mutated.size() - 1)] = static_cast<char>(random() % 3 ? random() : 0xff * (random() % 2));
    }
    if (random() % 8 == 0) mutated.resize(random() % mutated.size());
    const size_t size = mutated.size();
    std::shared_ptr<void> image(std::aligned_alloc(kTensorAlignment, align_up(size + 1, kTensorAlignment)), std::free);
    std::memcpy(image.get(), mutated.data(), size);
    const std::span view(static_cast<const std::byte*>(image.get()), size);
    const auto skipped = parse(view, image, Checksums::kSkip);
    parsed += skipped.ok();
    EXPECT_TRUE(skipped.ok() || !skipped.error().message().empty());
    if (mutated == bytes) continue;
    // With checksums, what still opens may differ only where no section lies.
    const auto checked = parse(view, image);
    if (!checked.ok()) continue;
    for (const SectionEntry& entry : table)
      EXPECT_EQ(std::memcmp(mutated.data() + entry.offset, bytes.data() + entry.offset, entry.length), 0) << "round " << round;
  }
  EXPECT_GT(parsed, 50);  // the parser was reached
}

}  // namespace
}  // namespace tercel::plan
