// The general registers of a thread, from a core or a stopped process.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

namespace tidemark::goheap {

struct ThreadRegisters {
  int32_t id = 0;  // of the operating system
  uint64_t sp = 0;
  std::vector<uint64_t> all;
};

// `set` is Linux's user_regs_struct: of x86-64 27 words, rsp the 20th; of aarch64 34 words, sp the
// 32nd. Nothing when it is too short or of another machine.
inline std::optional<ThreadRegisters> ReadRegisters(int32_t id, uint16_t machine,
                                                    std::span<const std::byte> set) {
  if (machine != EM_X86_64 && machine != EM_AARCH64) return std::nullopt;
  const size_t count = machine == EM_X86_64 ? 27 : 34, sp_at = machine == EM_X86_64 ? 19 : 31;
  if (set.size() < count * sizeof(uint64_t)) return std::nullopt;
  ThreadRegisters registers{.id = id, .all = std::vector<uint64_t>(count)};
  std::memcpy(registers.all.data(), set.data(), count * sizeof(uint64_t));
  registers.sp = registers.all[sp_at];
  return registers;
}

}  // namespace tidemark::goheap
