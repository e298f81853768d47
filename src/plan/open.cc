#include <algorithm>
#include <cstring>

#include "base/crc32c.h"
#include "plan/block_checks.h"
#include "plan/codec.h"
#include "plan/layout.h"
#include "platform/mapped_file.h"

namespace tercel::plan {

namespace {

// Sections are checked through a buffer of this size: reading them through the mapping would leave all of the file resident.
constexpr size_t kCheckBytes = 256 * 1024;

// Constants up to this size are read by shape rules and while steps are bound, so they are checked when the plan is opened;
// larger ones when a step is about to read them.
constexpr size_t kSmallBytes = 64 * 1024;

Error corrupted(const SectionEntry& entry) {
  return invalid("the plan is corrupted: its section '" + section_name(entry) + "' fails its checksum; copy or compile it again");
}

// A Program together with what its views point into.
struct Opened {
  Program program;
  std::shared_ptr<const void> owner;
};

class Sections {
 public:
  Sections(std::span<const std::byte> image, std::span<const SectionEntry> table) : image_(image), table_(table) {}

  const SectionEntry* find(SectionKind kind, uint32_t index) const {
    const auto found =
        std::find_if(table_.begin(), table_.end(), [&](const auto& e) { return e.kind == kind && e.index == index; });
    return found == table_.end() ? nullptr : &*found;
  }
  // The bytes of a section; none when the plan does not have it.
  std::span<const std::byte> bytes(SectionKind kind, uint32_t index) const {
    const SectionEntry* entry = find(kind, index);
    return entry ? image_.subspan(entry->offset, entry->length) : std::span<const std::byte>();
  }

 private:
  std::span<const std::byte> image_;
  std::span<const SectionEntry> table_;
};

Error in_section(const Error& error, const char* section) {
  return error.code() == ErrorCode::kUnsupported ? error.within("the plan")
                                                 : error.within(std::string("the plan is corrupted: section '") + section + "'");
}

Result<std::shared_ptr<const Program>> decode(std::span<const std::byte> image, std::span<const SectionEntry> table,
                                              std::shared_ptr<const void> owner,
                                              std::shared_ptr<const BlockChecks> checks = nullptr) {
  const Sections sections(image, table);
  if (!sections.find(SectionKind::kProgram, 0))
    return invalid("the plan is corrupted: it has no section 'program'; compile it again");
  const BlobView weights{sections.bytes(SectionKind::kWeights, 0), owner};
  auto program = decode_program(sections.bytes(SectionKind::kProgram, 0), weights);
  if (!program.ok()) return in_section(program.error(), "program");
  if (const auto verified = verify(*program); !verified.ok()) return in_section(verified.error(), "program");
  auto opened = std::make_shared<Opened>(Opened{program.take(), owner});
  for (const SectionEntry& entry : table) {
    if (entry.kind != SectionKind::kTuned) continue;
    const BlobView packed{sections.bytes(SectionKind::kPacked, entry.index), owner};
    auto decoded = decode_tuned(image.subspan(entry.offset, entry.length), packed, opened->program);
    if (!decoded.ok()) return in_section(decoded.error(), section_name(entry).c_str());
    if (!decoded->known) continue;
    if (const SectionEntry* tails = sections.find(SectionKind::kTails, entry.index)) {
      const auto read = decode_tails(image.subspan(tails->offset, tails->length), decoded->section);
      if (!read.ok()) return in_section(read.error(), section_name(*tails).c_str());
    }
    opened->program.tuned.push_back(std::move(decoded->section));
  }
  opened->program.checks = std::move(checks);
  const Program* inside = &opened->program;
  return std::shared_ptr<const Program>(std::move(opened), inside);
}

Result<void> check_section(const platform::MappedFile& file, const SectionEntry& entry) {
  std::vector<std::byte> buffer(std::min<uint64_t>(kCheckBytes, entry.length));
  uint32_t crc = 0;
  for (uint64_t done = 0; done < entry.length; done += buffer.size()) {
    const auto part = std::span(buffer).first(std::min<uint64_t>(buffer.size(), entry.length - done));
    TRY(file.read(entry.offset + done, part));
    crc = crc32c(crc, part);
  }
  if (crc != entry.crc) return corrupted(entry);
  return {};
}

// Checks every section but the blobs that bring checksums of their blocks: those are left to who reads them.
Result<std::shared_ptr<const BlockChecks>> check_file(const platform::MappedFile& file, std::span<const SectionEntry> table) {
  auto checks = std::make_shared<BlockChecks>();
  std::vector<char> later(table.size());
  for (const SectionEntry& entry : table) {
    if (entry.kind != SectionKind::kBlocks) continue;
    TRY(check_section(file, entry));
    const bool of_blob = entry.index < table.size() &&
                         (table[entry.index].kind == SectionKind::kWeights || table[entry.index].kind == SectionKind::kPacked);
    if (!of_blob || entry.length % sizeof(uint32_t) != 0) return corrupted(entry);
    std::vector<uint32_t> sums(entry.length / sizeof(uint32_t));
    if (!sums.empty()) std::memcpy(sums.data(), file.bytes().data() + entry.offset, entry.length);
    const SectionEntry& blob = table[entry.index];
    if (!checks->add(section_name(blob), file.bytes().subspan(blob.offset, blob.length), std::move(sums)))
      return corrupted(entry);
    later[entry.index] = 1;
  }
  for (size_t i = 0; i < table.size(); ++i)
    if (!later[i] && table[i].kind != SectionKind::kBlocks) TRY(check_section(file, table[i]));
  return std::shared_ptr<const BlockChecks>(std::move(checks));
}

Result<void> check_tensor(const BlockChecks& checks, const Tensor& tensor, size_t bytes_max) {
  if (tensor.bytes() > bytes_max) return {};
  return checks.check({static_cast<const std::byte*>(tensor.data()), tensor.bytes()});
}

// What is read before any step runs: small constants, and all tensors of attributes.
Result<void> check_small(const Program& program, const BlockChecks& checks) {
  for (const ProgramGraph& graph : program.graphs) {
    for (const ProgramValue& value : graph.values)
      if (value.is_constant) TRY(check_tensor(checks, value.constant, kSmallBytes));
    for (const ProgramNode& node : graph.nodes)
      for (const auto& attribute : node.attributes.entries())
        if (const Tensor* tensor = std::get_if<Tensor>(&attribute.value)) TRY(check_tensor(checks, *tensor, SIZE_MAX));
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const Program>> open_mapped(std::shared_ptr<const platform::MappedFile> file) {
  const auto table = TRY(read_table(file->bytes(), Checksums::kCheck));
  auto checks = TRY(check_file(*file, table));
  const auto image = file->bytes();
  const auto program = TRY(decode(image, table, std::move(file), checks));
  TRY(check_small(*program, *checks));
  return program;
}

Result<std::shared_ptr<const Program>> open(const std::string& path) {
  auto program = open_mapped(TRY(platform::MappedFile::open(path, kPlanBytesMax)));
  if (!program.ok()) return program.error().within(path);
  return program;
}

Result<std::shared_ptr<const Program>> parse(std::span<const std::byte> image, std::shared_ptr<const void> owner,
                                             Checksums checksums) {
  if (reinterpret_cast<uintptr_t>(image.data()) % kTensorAlignment != 0) return invalid("the plan image is not aligned");
  const auto table = TRY(read_table(image, checksums));
  if (checksums == Checksums::kCheck)
    for (const SectionEntry& entry : table)
      if (crc32c(0, image.subspan(entry.offset, entry.length)) != entry.crc) return corrupted(entry);
  return decode(image, table, std::move(owner));
}

}  // namespace tercel::plan
