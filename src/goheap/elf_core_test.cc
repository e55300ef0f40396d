#include "goheap/elf_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "goheap/core_builder.h"

namespace tidemark::goheap {
namespace {

using testing::HasSubstr;

Result<std::unique_ptr<ElfCore>> Parse(const std::string& core) {
  return ElfCore::Parse(std::as_bytes(std::span(core)));
}

std::string MessageOf(const std::string& core) {
  const auto parsed = Parse(core);
  return parsed ? "(no error)" : parsed.error().message;
}

template <typename T>
void Put(std::string& core, size_t offset, T value) {
  std::memcpy(core.data() + offset, &value, sizeof(value));
}

constexpr size_t kFirstHeader = sizeof(Elf64_Ehdr);

TEST(ElfCoreTest, MemoryThreadsAndTheExecutableAreFound) {
  const std::string core = CoreBuilder()
                               .Memory(0x400000, "text")
                               .Memory(0xc000000000, "heap")
                               .Thread(71, 0xc000001000)
                               .Thread(72, 0x7fff0000)
                               .Entry(0x401000)
                               .File(0x400000, 0x500000, "/srv/app")
                               .Build();
  const auto parsed = Parse(core);
  ASSERT_TRUE(parsed) << parsed.error().message;
  ElfCore& found = **parsed;
  EXPECT_EQ(found.image().Load<uint32_t>(0xc000000000), 0x70616568u);
  ASSERT_EQ(found.notes().threads.size(), 2u);
  EXPECT_EQ(found.notes().threads[0].id, 71);
  EXPECT_EQ(found.notes().threads[0].sp, 0xc000001000u);
  EXPECT_EQ(found.notes().threads[1].all.size(), 27u);
  EXPECT_EQ(found.notes().executable, "/srv/app");
  EXPECT_EQ(found.damage(), "");
}

TEST(ElfCoreTest, ACutCoreSaysWhichMemoryIsMissing) {
  std::string core = CoreBuilder().Memory(0x1000, std::string(4096, 'a')).Build();
  core.resize(core.size() - 96);
  const auto parsed = Parse(core);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_THAT((*parsed)->damage(), HasSubstr("96 bytes of memory are missing, the first at "
                                             "address 0x1fa0"));
  EXPECT_TRUE((*parsed)->image().Load<uint64_t>(0x1f98).has_value());
  EXPECT_FALSE((*parsed)->image().Load<uint64_t>(0x1f99).has_value());
}

TEST(ElfCoreTest, WhatIsNoCoreIsNamedAsItIs) {
  EXPECT_THAT(MessageOf("#!/bin/sh\n"), HasSubstr("7f 45 4c 46"));
  std::string core = CoreBuilder().Build();
  std::string program = core;
  Put<uint16_t>(program, offsetof(Elf64_Ehdr, e_type), ET_EXEC);
  EXPECT_THAT(MessageOf(program), HasSubstr("e_type 2"));
  std::string other = core;
  Put<uint16_t>(other, offsetof(Elf64_Ehdr, e_machine), EM_PPC64);
  EXPECT_THAT(MessageOf(other), HasSubstr("machine 21"));
}

TEST(ElfCoreTest, TablesOutsideTheFileAreErrorsWithTheirOffset) {
  std::string core = CoreBuilder().Memory(0x1000, "memory").Build();
  Put<uint64_t>(core, offsetof(Elf64_Ehdr, e_phoff), 0xffffffffffffff00);
  EXPECT_THAT(MessageOf(core), HasSubstr("program headers at 0xffffffffffffff00"));
  core = CoreBuilder().Memory(0x1000, "memory").Build();
  Put<uint16_t>(core, offsetof(Elf64_Ehdr, e_phnum), PN_XNUM);
  Put<uint64_t>(core, offsetof(Elf64_Ehdr, e_shoff), 0xfffff000);
  EXPECT_THAT(MessageOf(core), HasSubstr("section header 0 at 0xfffff000"));
}

TEST(ElfCoreTest, ASegmentOfAnySizeIsHeldToTheFile) {
  std::string core = CoreBuilder().Memory(0x1000, "memory").Build();
  const size_t load = kFirstHeader + sizeof(Elf64_Phdr);
  Put<uint64_t>(core, load + offsetof(Elf64_Phdr, p_filesz), ~uint64_t{0});
  const auto parsed = Parse(core);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ((*parsed)->image().byte_count(), 6u);
  EXPECT_THAT((*parsed)->damage(), HasSubstr("are missing"));
  Put<uint64_t>(core, load + offsetof(Elf64_Phdr, p_offset), ~uint64_t{0});
  EXPECT_EQ((*Parse(core))->image().byte_count(), 0u);
}

TEST(ElfCoreTest, NotesThatLieAreLeftOut) {
  CoreBuilder builder;
  builder.Memory(0x1000, "memory")
      .Note(NT_PRSTATUS, "short")
      .Note(NT_FILE, std::string(40, '\xff'));
  std::string core = builder.Thread(5, 6).Build();
  const auto parsed = Parse(core);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ((*parsed)->notes().threads.size(), 1u);
  EXPECT_TRUE((*parsed)->notes().files.empty());
}

TEST(ElfCoreTest, OfSegmentsThatOverlapTheLowerOneHasTheSay) {
  const std::string core = CoreBuilder().Memory(0x1004, "BBBB").Memory(0x1000, "aaaaaa").Build();
  const auto parsed = Parse(core);
  ASSERT_TRUE(parsed) << parsed.error().message;
  std::string text(8, '?');
  ASSERT_TRUE((*parsed)->image().Read(0x1000, std::as_writable_bytes(std::span(text))));
  EXPECT_EQ(text, "aaaaaaBB");
}

TEST(ElfCoreTest, AMissingFileIsAnError) {
  const auto opened = ElfCore::Open("/nonexistent/core");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace tidemark::goheap
