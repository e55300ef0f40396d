// What a dump says outside its objects: names, classes, stacks.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "hprof/class_table.h"

namespace tidemark::hprof {

class DumpIndex {
 public:
  explicit DumpIndex(uint32_t id_bytes) : id_bytes_(id_bytes) {}

  static bool Keeps(uint8_t tag);
  void Record(uint8_t tag, BytesReader reader);  // one that Keeps

  uint32_t id_bytes() const { return id_bytes_; }
  std::string_view Name(uint64_t id) const { return names.Find(id); }
  // "com.example.Main"; "class 0x7f12" where the dump does not tell its name.
  std::string ClassName(const ClassInfo& info) const;
  // "com.example.Main.run (Main.java:12)" of frame `depth` of a stack; "" = not told.
  std::string FrameText(uint32_t stack_serial, uint32_t depth) const;
  // "com.example.Main.main": the outermost frame of a stack that is neither the class library's
  // nor a lambda's wrapper; "" = there is none.
  std::string EntryFrame(uint32_t stack_serial) const;
  // Name that a START THREAD record gives the thread; "" = none.
  std::string_view ThreadName(uint64_t thread_object) const;
  // Position of the class with this name as the file writes it ("java/lang/Class"), or kNone.
  uint32_t FindClass(std::string_view name) const;

  NameTable names;
  ClassTable classes;
  uint64_t frames_refused = 0;

 private:
  static constexpr size_t kMaxFrames = size_t{4} << 20;  // frames, and frames of all traces

  struct Frame {
    uint64_t method = 0, source = 0;
    uint32_t class_serial = 0;
    int32_t line = 0;
  };
  void AddFrame(BytesReader& reader);
  std::string MethodText(const Frame& frame) const;
  void AddTrace(BytesReader& reader);

  const uint32_t id_bytes_;
  std::unordered_map<uint32_t, uint64_t> class_of_serial_;
  std::unordered_map<uint64_t, Frame> frames_;
  std::unordered_map<uint32_t, std::vector<uint64_t>> traces_;  // frame ids, leaf first
  std::unordered_map<uint64_t, uint64_t> thread_names_;
  size_t trace_frames_ = 0;
};

}  // namespace tidemark::hprof
