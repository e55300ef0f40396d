#include "goheap/memory_image.h"

#include <algorithm>

namespace tidemark::goheap {

std::optional<uint64_t> MemoryImage::LoadNumber(uint64_t address, uint64_t width) const {
  uint64_t value = 0;
  if (width > sizeof(value)) return std::nullopt;
  const auto bytes = std::as_writable_bytes(std::span(&value, 1)).first(width);
  if (!Read(address, bytes)) return std::nullopt;
  return value;
}

const std::byte* MemoryImage::ViewOrRead(uint64_t address, uint64_t count,
                                         std::vector<std::byte>& buffer) const {
  if (const std::byte* view = View(address, count)) return view;
  if (count == 0 || count > kMaxBuffered) return nullptr;
  // A size that is a lie fails before much memory is taken for it.
  for (uint64_t done = 0; done < count;) {
    const uint64_t step = std::min<uint64_t>(count - done, 1 << 20);
    if (buffer.size() < done + step) buffer.resize(done + step);
    if (!Read(address + done, {buffer.data() + done, step})) return nullptr;
    done += step;
  }
  return buffer.data();
}

void PieceImage::Add(uint64_t address, std::span<const std::byte> bytes) {
  const uint64_t end = address + std::min<uint64_t>(bytes.size(), ~address);
  // Only the gaps that the earlier pieces left.
  uint64_t at = address;
  auto next = pieces_.upper_bound(at);
  if (next != pieces_.begin()) at = std::max(at, std::prev(next)->second.end);
  while (at < end) {
    const uint64_t gap_end = next == pieces_.end() ? end : std::min(end, next->first);
    if (at < gap_end) {
      pieces_.emplace_hint(next, at, Piece{gap_end, bytes.data() + (at - address)});
      byte_count_ += gap_end - at;
    }
    if (next == pieces_.end()) break;
    at = next->second.end;
    ++next;
  }
}

const PieceImage::Pieces::value_type* PieceImage::Find(uint64_t address) const {
  if (last_ != nullptr && address >= last_->first && address < last_->second.end) return last_;
  auto after = pieces_.upper_bound(address);
  if (after == pieces_.begin()) return nullptr;
  const auto& piece = *std::prev(after);
  if (address >= piece.second.end) return nullptr;
  return last_ = &piece;
}

const std::byte* PieceImage::View(uint64_t address, uint64_t count) const {
  const auto* piece = Find(address);
  if (piece == nullptr || count > piece->second.end - address) return nullptr;
  return piece->second.data + (address - piece->first);
}

bool PieceImage::Read(uint64_t address, std::span<std::byte> into) const {
  while (!into.empty()) {
    const auto* piece = Find(address);
    if (piece == nullptr) return false;
    const size_t count = std::min<uint64_t>(into.size(), piece->second.end - address);
    std::memcpy(into.data(), piece->second.data + (address - piece->first), count);
    into = into.subspan(count);
    address += count;
  }
  return true;
}

}  // namespace tidemark::goheap
