#include "hprof/prescan.h"

#include "hprof/record_walker.h"

namespace tidemark::hprof {
namespace {

class Scanner {
 public:
  Scanner(DumpIndex& index, uint64_t max_offset) : index_(index), max_offset_(max_offset) {}

  void Instance(uint64_t id, uint64_t class_id, const uint8_t*, uint32_t) {
    vote_.Instance(id, class_id);
    if (class_id == last_class_) return;
    last_class_ = class_id;
    const ClassInfo* info = index_.classes.Find(class_id);
    if (info == nullptr || !info->dumped) all_known_ = false;
  }
  void ObjectArray(uint64_t id, uint64_t, uint32_t count, const uint8_t*) {
    vote_.Array(id, kObject, count);
  }
  void LargeArray(uint64_t id, uint64_t, uint32_t count) { vote_.Array(id, kObject, count); }
  void LargeArrayElements(const uint8_t*, uint32_t) {}
  void PrimitiveArray(uint64_t id, uint8_t type, uint32_t count) { vote_.Array(id, type, count); }
  void Root(uint8_t, uint64_t, uint32_t, uint32_t) {}
  bool Class(BytesReader& reader, bool* bad) {
    return index_.classes.AddDump(reader, index_.id_bytes(), bad);
  }

  bool Wants(uint8_t tag) const { return DumpIndex::Keeps(tag); }
  void Record(uint8_t tag, BytesReader reader) { index_.Record(tag, reader); }
  bool Enough(uint64_t offset) const {
    if (offset >= max_offset_) return true;
    return vote_.full() && all_known_ && index_.classes.complete();
  }
  const LayoutVote& vote() const { return vote_; }

 private:
  DumpIndex& index_;
  const uint64_t max_offset_;
  LayoutVote vote_;
  uint64_t last_class_ = 0;
  bool all_known_ = true;  // the classes of all instances so far were told before them
};

template <uint32_t kIdBytes>
Result<PrescanResult> Scan(ByteCursor& cursor, uint64_t max_offset, DumpIndex& index) {
  Scanner scanner(index, max_offset);
  RecordWalker<kIdBytes, Scanner> walker(cursor, std::nullopt, scanner);
  TIDEMARK_RETURN_IF_ERROR(walker.Run());
  return PrescanResult{cursor.offset(),
                       scanner.vote().Winner(index.classes, index.names, kIdBytes)};
}

}  // namespace

Result<PrescanResult> Prescan(ByteCursor& cursor, uint64_t max_offset, DumpIndex& index) {
  return index.id_bytes() == 8 ? Scan<8>(cursor, max_offset, index)
                               : Scan<4>(cursor, max_offset, index);
}

}  // namespace tidemark::hprof
