// Writes ELF cores for tests: memory, threads, files, as Linux lays them out.
#pragma once

#include <elf.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace tidemark::goheap {

class CoreBuilder {
 public:
  CoreBuilder& Memory(uint64_t address, std::string bytes) {
    loads_.emplace_back(address, std::move(bytes));
    return *this;
  }
  CoreBuilder& Note(uint32_t type, const std::string& note) {
    const Elf64_Nhdr header{5, static_cast<uint32_t>(note.size()), type};
    Append(notes_, header);
    notes_ += std::string("CORE\0\0\0\0", 8) + note;
    notes_.resize((notes_.size() + 3) / 4 * 4);
    return *this;
  }
  // A thread of x86-64 with this stack pointer in its twentieth register.
  CoreBuilder& Thread(int32_t id, uint64_t sp) {
    std::string status(112 + 27 * 8, '\0');
    std::memcpy(status.data() + 32, &id, sizeof(id));
    std::memcpy(status.data() + 112 + 19 * 8, &sp, sizeof(sp));
    return Note(NT_PRSTATUS, status);
  }
  CoreBuilder& Entry(uint64_t address) {
    std::string vector;
    for (const uint64_t word : {uint64_t{AT_ENTRY}, address, uint64_t{AT_NULL}, uint64_t{0}}) {
      Append(vector, word);
    }
    return Note(NT_AUXV, vector);
  }
  CoreBuilder& File(uint64_t begin, uint64_t end, const std::string& path) {
    std::string files;
    for (const uint64_t word : {uint64_t{1}, uint64_t{4096}, begin, end, uint64_t{0}}) {
      Append(files, word);
    }
    return Note(NT_FILE, files + path + '\0');
  }

  std::string Build() const {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_CORE;
    header.e_machine = EM_X86_64;
    header.e_phoff = sizeof(header);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = static_cast<uint16_t>(loads_.size() + 1);
    std::string tables, bodies;
    Append(tables, header);
    const uint64_t begin = sizeof(header) + header.e_phnum * sizeof(Elf64_Phdr);
    const auto add = [&](uint32_t type, uint64_t address, const std::string& bytes) {
      Elf64_Phdr segment{};
      segment.p_type = type;
      segment.p_offset = begin + bodies.size();
      segment.p_vaddr = address;
      segment.p_filesz = segment.p_memsz = bytes.size();
      Append(tables, segment);
      bodies += bytes;
    };
    add(PT_NOTE, 0, notes_);
    for (const auto& [address, bytes] : loads_) add(PT_LOAD, address, bytes);
    return tables + bodies;
  }

 private:
  template <typename T>
  static void Append(std::string& to, const T& value) {
    to.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }

  std::vector<std::pair<uint64_t, std::string>> loads_;
  std::string notes_;
};

}  // namespace tidemark::goheap
