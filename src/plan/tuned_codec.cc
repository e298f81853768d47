#include "plan/codec.h"

namespace tercel::plan {

namespace {

// Bits of the ISA field. Never renumber, only append.
constexpr uint32_t kBitAvx2 = 1, kBitAvx512 = 2, kBitVnni = 4, kBitFp16 = 8;
constexpr uint32_t kBitsKnown = kBitAvx2 | kBitAvx512 | kBitVnni | kBitFp16;

uint32_t bits_of(const platform::Isa& isa) {
  return (isa.avx2 ? kBitAvx2 : 0) | (isa.avx512 ? kBitAvx512 : 0) | (isa.avx512_vnni ? kBitVnni : 0) |
         (isa.avx512_fp16 ? kBitFp16 : 0);
}

platform::Isa isa_of(uint32_t bits) {
  return {.avx2 = (bits & kBitAvx2) != 0,
          .avx512 = (bits & kBitAvx512) != 0,
          .avx512_vnni = (bits & kBitVnni) != 0,
          .avx512_fp16 = (bits & kBitFp16) != 0};
}

void put_bucket(ByteWriter& out, const Bucket& bucket) {
  out.put_count(bucket.input_shapes.size());
  for (const auto& shape : bucket.input_shapes) out.put_array(std::span<const int64_t>(shape));
  out.put_array(std::span<const uint32_t>(bucket.tactics));
  out.put_array(std::span<const float>(bucket.step_us));
  out.put(bucket.arena_bytes);
  out.put_count(bucket.latency.size());
  for (const MeasuredLatency& measured : bucket.latency) {
    out.put(measured.threads);
    out.put(measured.p50_us);
    out.put(measured.p99_us);
  }
}

Result<Bucket> get_bucket(ByteReader& in) {
  Bucket bucket;
  bucket.input_shapes.resize(TRY(in.get_count(4)));
  for (auto& shape : bucket.input_shapes) shape = TRY(in.get_array<int64_t>(kRankMax));
  bucket.tactics = TRY(in.get_array<uint32_t>());
  bucket.step_us = TRY(in.get_array<float>());
  bucket.arena_bytes = TRY(in.get<uint64_t>());
  bucket.latency.resize(TRY(in.get_count(20)));
  for (MeasuredLatency& measured : bucket.latency) {
    measured.threads = TRY(in.get<uint32_t>());
    measured.p50_us = TRY(in.get<double>());
    measured.p99_us = TRY(in.get<double>());
  }
  return bucket;
}

Result<void> check_bucket(const Bucket& bucket, const Program& program, size_t tactic_count) {
  const size_t nodes = program.main().nodes.size();
  if (bucket.input_shapes.size() != program.main().inputs.size()) return invalid("a bucket does not give one shape per input");
  if (!bucket.tactics.empty() && bucket.tactics.size() != nodes) return invalid("a bucket does not give one tactic per node");
  if (!bucket.step_us.empty() && bucket.step_us.size() != nodes) return invalid("a bucket does not give one time per node");
  for (uint32_t tactic : bucket.tactics)
    if (tactic != kUntuned && tactic >= tactic_count) return invalid("tactic " + std::to_string(tactic) + " does not exist");
  return {};
}

Result<PackedWeight> get_packed(ByteReader& in, const BlobView& packed, const Program& program) {
  PackedWeight weight;
  weight.graph = TRY(in.get<uint32_t>());
  weight.node = TRY(in.get<uint32_t>());
  if (weight.graph >= program.graphs.size() || weight.node >= program.graphs[weight.graph].nodes.size())
    return invalid("a packed weight belongs to node " + std::to_string(weight.node) + " of graph " +
                   std::to_string(weight.graph) + ", which does not exist");
  weight.format = TRY(in.get_string());
  const uint64_t offset = TRY(in.get<uint64_t>());
  weight.bytes = TRY(packed.part(offset, TRY(in.get<uint64_t>())));
  return weight;
}

Result<TunedSection> get_section(ByteReader& in, const BlobView& packed, const Program& program) {
  TunedSection section;
  section.cpu = TRY(in.get_string());
  section.tactic_names.resize(TRY(in.get_count(4)));
  for (std::string& name : section.tactic_names) name = TRY(in.get_string());
  section.buckets.resize(TRY(in.get_count(24)));
  for (Bucket& bucket : section.buckets) {
    bucket = TRY(get_bucket(in));
    TRY(check_bucket(bucket, program, section.tactic_names.size()));
  }
  section.packed.resize(TRY(in.get_count(28)));
  for (PackedWeight& weight : section.packed) weight = TRY(get_packed(in, packed, program));
  section.notes.resize(TRY(in.get_count(12)));
  for (TacticNote& note : section.notes) {
    note.node = TRY(in.get<uint32_t>());
    note.tactic = TRY(in.get_string());
    note.reason = TRY(in.get_string());
    if (note.node >= program.main().nodes.size())
      return invalid("a note is about node " + std::to_string(note.node) + ", which does not exist");
  }
  TRY(in.expect_end());
  return section;
}

}  // namespace

std::vector<std::byte> encode_tuned(const TunedSection& section, Blob& packed) {
  ByteWriter out;
  out.put(bits_of(section.isa));
  out.put_string(section.cpu);
  out.put_count(section.tactic_names.size());
  for (const std::string& name : section.tactic_names) out.put_string(name);
  out.put_count(section.buckets.size());
  for (const Bucket& bucket : section.buckets) put_bucket(out, bucket);
  out.put_count(section.packed.size());
  for (const PackedWeight& weight : section.packed) {
    out.put(weight.graph);
    out.put(weight.node);
    out.put_string(weight.format);
    out.put(packed.add(weight.bytes));
    out.put(static_cast<uint64_t>(weight.bytes.size()));
  }
  out.put_count(section.notes.size());
  for (const TacticNote& note : section.notes) {
    out.put(note.node);
    out.put_string(note.tactic);
    out.put_string(note.reason);
  }
  return out.take();
}

Result<DecodedTuned> decode_tuned(std::span<const std::byte> bytes, const BlobView& packed, const Program& program) {
  ByteReader in(bytes);
  const uint32_t bits = TRY(in.get<uint32_t>());
  DecodedTuned decoded;
  if (bits & ~kBitsKnown) {
    decoded.known = false;
    return decoded;
  }
  decoded.section = TRY(get_section(in, packed, program));
  decoded.section.isa = isa_of(bits);
  return decoded;
}

std::vector<std::byte> encode_tails(const TunedSection& section) {
  ByteWriter out;
  bool any = false;
  out.put_count(section.buckets.size());
  for (const Bucket& bucket : section.buckets) {
    out.put_count(bucket.latency.size());
    for (const MeasuredLatency& measured : bucket.latency) {
      out.put(measured.p999_us);
      any = any || measured.p999_us > 0;
    }
  }
  return any ? out.take() : std::vector<std::byte>();
}

Result<void> decode_tails(std::span<const std::byte> bytes, TunedSection& section) {
  ByteReader in(bytes);
  if (TRY(in.get_count(4)) != section.buckets.size()) return invalid("it is about other buckets than the tuned section has");
  for (Bucket& bucket : section.buckets) {
    if (TRY(in.get_count(8)) != bucket.latency.size()) return invalid("it is about other latencies than a bucket has");
    for (MeasuredLatency& measured : bucket.latency) measured.p999_us = TRY(in.get<double>());
  }
  return in.expect_end();
}

}  // namespace tercel::plan
