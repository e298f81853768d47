#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "base/checked.h"
#include "base/crc32c.h"
#include "plan/block_checks.h"
#include "plan/codec.h"
#include "plan/file_writer.h"
#include "plan/layout.h"
#include "platform/mapped_file.h"

namespace tercel::plan {

namespace {

// A section while it is laid out: a table of bytes, or the pieces of a blob.
struct PendingSection {
  SectionEntry entry{};
  std::vector<std::byte> table;
  Blob blob;
};

bool is_blob(const PendingSection& section) {
  return section.entry.kind == SectionKind::kWeights || section.entry.kind == SectionKind::kPacked;
}

// Fills in the entry. Returns the checksums of the section's blocks.
std::vector<uint32_t> append_section(FileWriter& file, PendingSection& section) {
  BlockSums sums;
  file.pad_to(align_up(file.position(), kSectionAlignment));
  section.entry.offset = file.position();
  const auto append = [&](std::span<const std::byte> bytes) {
    file.append(bytes);
    section.entry.crc = crc32c(section.entry.crc, bytes);
    sums.add(bytes);
  };
  append(section.table);
  for (const Blob::Piece& piece : section.blob.pieces()) {
    static constexpr std::byte kGap[kTensorAlignment] = {};
    append(std::span(kGap).first(section.entry.offset + piece.offset - file.position()));
    append(piece.bytes);
  }
  section.entry.length = file.position() - section.entry.offset;
  return sums.finish();
}

std::vector<PendingSection> encode(const Program& program) {
  std::vector<PendingSection> sections(2 + 2 * program.tuned.size());
  sections[0].entry.kind = SectionKind::kProgram;
  sections[1].entry.kind = SectionKind::kWeights;
  sections[0].table = encode_program(program, sections[1].blob);
  for (uint32_t i = 0; i < program.tuned.size(); ++i) {
    PendingSection &tuned = sections[2 + 2 * i], &packed = sections[3 + 2 * i];
    tuned.entry.kind = SectionKind::kTuned;
    packed.entry.kind = SectionKind::kPacked;
    tuned.entry.index = packed.entry.index = i;
    tuned.table = encode_tuned(program.tuned[i], packed.blob);
  }
  // Behind what they describe, because their contents are known then.
  for (uint32_t i = 0, count = static_cast<uint32_t>(sections.size()); i < count; ++i) {
    if (!is_blob(sections[i])) continue;
    sections.emplace_back();
    sections.back().entry.kind = SectionKind::kBlocks;
    sections.back().entry.index = i;
  }
  for (uint32_t i = 0; i < program.tuned.size(); ++i) {
    auto tails = encode_tails(program.tuned[i]);
    if (tails.empty()) continue;
    sections.emplace_back();
    sections.back().entry.kind = SectionKind::kTails;
    sections.back().entry.index = i;
    sections.back().table = std::move(tails);
  }
  return sections;
}

Result<uint64_t> write_image(const Program& program, FileWriter& file) {
  auto sections = encode(program);
  if (sections.size() > kSectionsMax)
    return too_large("a plan holds at most " + std::to_string((kSectionsMax - 3) / 4) + " tuned sections");
  file.pad_to(sizeof(Header) + sections.size() * sizeof(SectionEntry));
  std::vector<SectionEntry> table;
  std::vector<std::vector<uint32_t>> sums;
  for (PendingSection& section : sections) {
    if (section.entry.kind == SectionKind::kBlocks) {
      const auto bytes = std::as_bytes(std::span<const uint32_t>(sums[section.entry.index]));
      section.table.assign(bytes.begin(), bytes.end());
    }
    sums.push_back(append_section(file, section));
    table.push_back(section.entry);
  }
  TRY(file.flush());
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.format_version = kFormatVersion;
  header.section_count = static_cast<uint32_t>(table.size());
  header.file_bytes = file.position();
  header.crc = header_crc(header, table);
  TRY(file.overwrite(0, std::as_bytes(std::span(&header, 1))));
  TRY(file.overwrite(sizeof header, std::as_bytes(std::span<const SectionEntry>(table))));
  return header.file_bytes;
}

// The file a plan is written to before it takes its name; removed unless renamed.
class AsideFile {
 public:
  static Result<AsideFile> create(const std::string& target) {
    static std::atomic<unsigned> counter{0};
    const std::string path = target + ".tmp-" + std::to_string(getpid()) + "-" + std::to_string(counter++);
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (descriptor < 0) return io_error("cannot create '" + path + "': " + std::strerror(errno));
    return AsideFile(path, descriptor);
  }
  AsideFile(AsideFile&& other) noexcept : path_(std::exchange(other.path_, {})), descriptor_(other.descriptor_) {}
  ~AsideFile() {
    if (!path_.empty()) unlink(path_.c_str());
  }

  int descriptor() const { return descriptor_; }
  const std::string& path() const { return path_; }
  Result<void> rename_to(const std::string& target) {
    if (rename(path_.c_str(), target.c_str()) != 0)
      return io_error("cannot rename '" + path_ + "' to '" + target + "': " + std::strerror(errno));
    path_.clear();
    return {};
  }

 private:
  AsideFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  std::string path_;
  int descriptor_;
};

// Makes a rename last through a power cut.
Result<void> sync_folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && fsync(descriptor) == 0;
  const int code = errno;
  if (descriptor >= 0) ::close(descriptor);
  // Some file systems cannot sync a folder; the plan itself is safe and in place.
  if (!synced && code != EINVAL) return io_error("cannot sync the folder '" + folder + "': " + std::strerror(code));
  return {};
}

}  // namespace

Result<uint64_t> write(const Program& program, const std::string& path) {
  if (const auto verified = verify(program); !verified.ok()) return verified.error().within("the program to write");
  AsideFile aside = TRY(AsideFile::create(path));
  FileWriter file(aside.descriptor(), aside.path());
  const uint64_t bytes = TRY(write_image(program, file));
  TRY(file.sync());
  TRY(aside.rename_to(path));
  TRY(sync_folder_of(path));
  return bytes;
}

Result<std::shared_ptr<const Program>> write_in_memory(const Program& program) {
  if (const auto verified = verify(program); !verified.ok()) return verified.error().within("the program to write");
  const int descriptor = memfd_create("tercel.plan", MFD_CLOEXEC);
  if (descriptor < 0) return io_error(std::string("cannot create a memory file: ") + std::strerror(errno));
  FileWriter file(descriptor, "memory file");
  TRY(write_image(program, file));
  return open_mapped(TRY(platform::MappedFile::of_descriptor(file.release(), "memory file", kPlanBytesMax)));
}

}  // namespace tercel::plan
