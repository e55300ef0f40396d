#include "heapdump/open_dump.h"

#include "goheap/go_core.h"
#include "goheap/go_dump_reader.h"
#include "graphfile/graph_reader.h"
#include "heapdump/dump_bytes.h"
#include "heapdump/dump_format.h"
#include "hprof/hprof_reader.h"
#include "v8heap/snapshot_reader.h"

namespace tidemark {
namespace {

using heapgraph::HeapSource;

constexpr size_t kFewReferences = size_t{1} << 16;

HprofOptions HprofOptionsOf(const OpenDumpOptions& options) {
  HprofOptions hprof{.mat_compat = options.mat_compat};
  if (options.little_memory) hprof.max_references = kFewReferences;
  return hprof;
}

v8heap::SnapshotOptions SnapshotOptionsOf(const OpenDumpOptions& options) {
  v8heap::SnapshotOptions snapshot{.scratch = options.scratch};
  if (options.little_memory) snapshot.max_references = kFewReferences;
  return snapshot;
}

Result<std::unique_ptr<HeapSource>> OpenReader(DumpFormat format, const std::string& path,
                                               DumpBytes dump, const OpenDumpOptions& options,
                                               std::string* exe) {
  switch (format) {
    case DumpFormat::kGoDump:
      return goheap::OpenGoDump(std::move(dump.bytes));
    case DumpFormat::kGraphFile: {
      TIDEMARK_ASSIGN_OR_RETURN(auto file, graphfile::GraphFileSource::Open(std::move(dump.bytes)));
      return std::unique_ptr<HeapSource>(std::move(file));
    }
    case DumpFormat::kHprof:
      return OpenHprof(std::move(dump.bytes), HprofOptionsOf(options));
    case DumpFormat::kGoCore:
      if (dump.pipe || dump.gzip)
        return InvalidArgument(path + ": a core is read out of order; store it inflated in a file");
      return goheap::OpenGoCore(path, options.exe, exe);
    case DumpFormat::kV8Snapshot:
      return v8heap::OpenV8Snapshot(std::move(dump.bytes), SnapshotOptionsOf(options));
  }
  return Internal(path + ": a format without a reader");
}

}  // namespace

Result<OpenedDump> OpenDump(const std::string& path, const OpenDumpOptions& options) {
  TIDEMARK_ASSIGN_OR_RETURN(DumpBytes dump, OpenDumpBytes(path, options));
  const auto format = DetectDumpFormat(dump.beginning);
  if (!format) return InvalidArgument(path + ": " + UnknownDumpMessage(dump.beginning));
  OpenedDump opened;
  opened.format = *format;
  opened.gzip = dump.gzip;
  opened.file_bytes = dump.file_bytes;
  opened.file_time_ns = dump.file_time_ns;
  opened.exe = options.exe;
  TIDEMARK_ASSIGN_OR_RETURN(opened.source,
                            OpenReader(*format, path, std::move(dump), options, &opened.exe));
  return opened;
}

}  // namespace tidemark
