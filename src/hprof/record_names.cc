#include "hprof/record_walker.h"

namespace tidemark::hprof {

std::string_view RecordName(uint8_t tag) {
  switch (tag) {
    case kUtf8:
      return "UTF8";
    case kLoadClass:
      return "LOAD CLASS";
    case kUnloadClass:
      return "UNLOAD CLASS";
    case kFrame:
      return "STACK FRAME";
    case kTrace:
      return "STACK TRACE";
    case kAllocSites:
      return "ALLOC SITES";
    case kHeapSummary:
      return "HEAP SUMMARY";
    case kStartThread:
      return "START THREAD";
    case kEndThread:
      return "END THREAD";
    case kHeapDump:
      return "HEAP DUMP";
    case kCpuSamples:
      return "CPU SAMPLES";
    case kControlSettings:
      return "CONTROL SETTINGS";
    case kHeapDumpSegment:
      return "HEAP DUMP SEGMENT";
    case kHeapDumpEnd:
      return "HEAP DUMP END";
    default:
      return "";
  }
}

}  // namespace tidemark::hprof
