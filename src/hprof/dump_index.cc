#include "hprof/dump_index.h"

#include <algorithm>
#include <charconv>

namespace tidemark::hprof {

bool DumpIndex::Keeps(uint8_t tag) {
  return tag == kUtf8 || tag == kLoadClass || tag == kFrame || tag == kTrace || tag == kStartThread;
}

void DumpIndex::Record(uint8_t tag, BytesReader reader) {
  switch (tag) {
    case kUtf8: {
      const uint64_t id = reader.Id();
      if (!reader.short_of_bytes()) names.Add(id, reader.Rest());
      return;
    }
    case kLoadClass: {
      const uint32_t serial = reader.U4();
      const uint64_t id = reader.Id();
      reader.U4();
      const uint64_t name = reader.Id();
      if (reader.short_of_bytes()) return;
      classes.AddLoad(id, name);
      if (class_of_serial_.size() < ClassTable::kMaxClasses) class_of_serial_[serial] = id;
      return;
    }
    case kFrame:
      return AddFrame(reader);
    case kTrace:
      return AddTrace(reader);
    case kStartThread: {
      reader.U4();
      const uint64_t object = reader.Id();
      reader.U4();
      const uint64_t name = reader.Id();
      if (!reader.short_of_bytes() && thread_names_.size() < kMaxFrames) {
        thread_names_[object] = name;
      }
      return;
    }
    default:
      return;
  }
}

void DumpIndex::AddFrame(BytesReader& reader) {
  const uint64_t id = reader.Id();
  Frame frame;
  frame.method = reader.Id();
  reader.Id();  // signature
  frame.source = reader.Id();
  frame.class_serial = reader.U4();
  frame.line = static_cast<int32_t>(reader.U4());
  if (reader.short_of_bytes()) return;
  if (frames_.size() >= kMaxFrames) {
    ++frames_refused;
    return;
  }
  frames_.emplace(id, frame);
}

void DumpIndex::AddTrace(BytesReader& reader) {
  const uint32_t serial = reader.U4();
  reader.U4();  // thread
  const uint64_t count = std::min<uint64_t>(reader.U4(), reader.left() / id_bytes_);
  if (reader.short_of_bytes()) return;
  if (traces_.size() + trace_frames_ + count >= kMaxFrames) {
    ++frames_refused;
    return;
  }
  std::vector<uint64_t>& trace = traces_[serial];
  if (!trace.empty()) return;
  for (uint64_t i = 0; i < count; ++i) trace.push_back(reader.Id());
  trace_frames_ += count;
}

std::string DumpIndex::ClassName(const ClassInfo& info) const {
  const std::string_view name = Name(info.name);
  if (!name.empty()) return JavaTypeName(name);
  char digits[17];
  const auto end = std::to_chars(digits, digits + 16, info.id, 16).ptr;
  return "class 0x" + std::string(digits, end);
}

std::string DumpIndex::MethodText(const Frame& frame) const {
  std::string text;
  const auto class_id = class_of_serial_.find(frame.class_serial);
  if (class_id != class_of_serial_.end()) {
    const ClassInfo* info = classes.Find(class_id->second);
    if (info != nullptr) text = ClassName(*info) + ".";
  }
  return text.append(Name(frame.method));
}

std::string DumpIndex::FrameText(uint32_t stack_serial, uint32_t depth) const {
  const auto trace = traces_.find(stack_serial);
  if (trace == traces_.end() || depth >= trace->second.size()) return {};
  const auto found = frames_.find(trace->second[depth]);
  if (found == frames_.end()) return {};
  const Frame& frame = found->second;
  std::string text = MethodText(frame);
  const std::string_view source = Name(frame.source);
  if (source.empty()) return text;
  text.append(" (").append(source);
  if (frame.line > 0) text += ":" + std::to_string(frame.line);
  return text + ")";
}

std::string DumpIndex::EntryFrame(uint32_t stack_serial) const {
  const auto trace = traces_.find(stack_serial);
  if (trace == traces_.end()) return {};
  for (size_t depth = trace->second.size(); depth-- > 0;) {
    const auto found = frames_.find(trace->second[depth]);
    if (found == frames_.end()) continue;
    const std::string text = MethodText(found->second);
    const auto begins = [&](std::string_view package) { return text.starts_with(package); };
    const bool library = begins("java.") || begins("jdk.") || begins("sun.");
    if (!library && text.find("$$Lambda") == std::string::npos) return text;
  }
  return {};
}

std::string_view DumpIndex::ThreadName(uint64_t thread_object) const {
  const auto found = thread_names_.find(thread_object);
  return found == thread_names_.end() ? std::string_view() : Name(found->second);
}

uint32_t DumpIndex::FindClass(std::string_view name) const {
  for (uint32_t i = 0; i < classes.classes.size(); ++i) {
    if (Name(classes.classes[i].name) == name) return i;
  }
  return ClassIndex::kNone;
}

}  // namespace tidemark::hprof
