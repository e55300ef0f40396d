#include "server/heap_dumps.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <random>

#include "base/files.h"
#include "base/time.h"
#include "codec/pprof.h"
#include "heapdump/analyze.h"
#include "heapdump/dump_format.h"
#include "heapreport/make_report.h"
#include "heapreport/report_html.h"
#include "heapreport/report_json.h"
#include "heapreport/report_pprof.h"
#include "heapreport/words.h"

namespace tidemark {
namespace {

constexpr size_t kMaxReportBytes = 64 << 20;
constexpr size_t kMaxInfoBytes = 1 << 20;
constexpr size_t kMaxTextBytes = 200;  // of what a sender says
constexpr uint32_t kMaxAttempts = 2;
constexpr size_t kMaxHolders = 5;

std::string NewId() {
  std::random_device random;
  char text[17];
  std::snprintf(text, sizeof text, "%08x%08x", random(), random());
  return text;
}

bool IsId(const std::string& id) {
  return id.size() == 16 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

const char* SuffixOf(HeapDumpFile file) {
  switch (file) {
    case HeapDumpFile::kReport:
      return ".report.json";
    case HeapDumpFile::kHtml:
      return ".html";
    case HeapDumpFile::kPprof:
      return ".pb.gz";
  }
  return "";
}

}  // namespace

// A dump on its way into ID.part.
class HeapDumps::Upload : public HttpBodySink {
 public:
  Upload(HeapDumps* dumps, HeapDumpInfo info) : dumps_(dumps), info_(std::move(info)) {
    fd_ = open(path().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  }
  ~Upload() override {
    if (fd_ >= 0) close(fd_);
    if (finished_) return;
    unlink(path().c_str());
    dumps_->GiveRoomBack(true);
  }
  bool opened() const { return fd_ >= 0; }

  uint64_t max_bytes() const override { return dumps_->options_.max_upload_bytes; }

  Result<void> Write(std::string_view piece) override {
    if (beginning_.size() < kDumpMagicBytes) {
      beginning_ += piece.substr(0, kDumpMagicBytes - beginning_.size());
      if (beginning_.size() == kDumpMagicBytes) TIDEMARK_RETURN_IF_ERROR(CheckBeginning());
    }
    while (!piece.empty()) {
      const ssize_t wrote = write(fd_, piece.data(), piece.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0)
        return Unavailable("cannot keep the dump: " + std::string(std::strerror(errno)));
      info_.bytes += static_cast<uint64_t>(wrote);
      piece.remove_prefix(static_cast<size_t>(wrote));
    }
    return {};
  }

  // Makes it ID.dump.
  Result<HeapDumpInfo> Finish() {
    TIDEMARK_RETURN_IF_ERROR(CheckBeginning());
    if (fsync(fd_) != 0 || rename(path().c_str(), dumps_->PathOf(info_.id, ".dump").c_str()) != 0)
      return IoError("cannot keep the dump: " + std::string(std::strerror(errno)));
    finished_ = true;
    return info_;
  }

 private:
  std::string path() const { return dumps_->PathOf(info_.id, ".part"); }

  // What is no dump is refused before the rest of it arrives; inside gzip the analysis looks.
  Result<void> CheckBeginning() const {
    const auto bytes = std::as_bytes(std::span(beginning_));
    if (beginning_.starts_with("\x1f\x8b") || DetectDumpFormat(bytes)) return {};
    return InvalidArgument("the body " + UnknownDumpMessage(bytes));
  }

  HeapDumps* const dumps_;
  HeapDumpInfo info_;
  int fd_ = -1;
  std::string beginning_;
  bool finished_ = false;
};

HeapDumps::HeapDumps(HeapDumpsOptions options, Done done)
    : options_(std::move(options)), done_(std::move(done)) {
  std::error_code status;
  std::filesystem::create_directories(options_.directory, status);
  Restore();
  thread_ = std::thread([this] { Run(); });
}

HeapDumps::~HeapDumps() {
  stop_ = true;
  {
    const std::lock_guard lock(mutex_);
    queue_.clear();
  }
  ready_.notify_all();
  thread_.join();
}

void HeapDumps::Restore() {
  std::error_code status;
  std::vector<HeapDumpInfo> waiting;
  for (const auto& entry : std::filesystem::directory_iterator(options_.directory, status)) {
    const std::string name = entry.path().filename();
    if (name.ends_with(".part")) std::filesystem::remove(entry.path(), status);
    if (name.size() != 21 || !name.ends_with(".json")) continue;  // ID.json
    const auto text = ReadWholeFile(entry.path(), kMaxInfoBytes);
    auto info = text ? HeapDumpInfoFromJson(*text) : Result<HeapDumpInfo>(text.error());
    if (!info || !IsId(info->id)) {
      spdlog::warn("{}: cannot be read back", entry.path().string());
      continue;
    }
    if (info->state != "done" && info->state != "failed") waiting.push_back(*info);
    stats_.kept_bytes += info->report_bytes;
    infos_[info->id] = *std::move(info);
  }
  std::sort(waiting.begin(), waiting.end(),
            [](const auto& a, const auto& b) { return a.received_ns < b.received_ns; });
  for (const HeapDumpInfo& info : waiting) queue_.push_back(info.id);
  stats_.waiting = queue_.size();
  stats_.kept = infos_.size();
}

Result<std::shared_ptr<HttpBodySink>> HeapDumps::Begin(HeapDumpInfo info) {
  {
    const std::lock_guard lock(mutex_);
    if (stats_.waiting >= options_.max_waiting) {
      ++stats_.refused;
      return Overloaded(std::to_string(stats_.waiting) +
                        " heap dumps are waiting to be analysed; send this one later");
    }
    ++stats_.waiting;
  }
  info.id = NewId();
  info.state = "waiting";
  info.received_ns = WallClockNs();
  for (std::string* text : {&info.name, &info.service, &info.version, &info.incident_id})
    *text = Presentable(*text, kMaxTextBytes);
  auto upload = std::make_shared<Upload>(this, std::move(info));
  if (!upload->opened())
    return IoError(options_.directory + ": cannot keep a heap dump: " + std::strerror(errno));
  return std::shared_ptr<HttpBodySink>(std::move(upload));
}

void HeapDumps::GiveRoomBack(bool broken_off) {
  const std::lock_guard lock(mutex_);
  --stats_.waiting;
  if (broken_off) ++stats_.broken_off;
}

Result<std::string> HeapDumps::Finish(HttpBodySink* received) {
  auto* upload = dynamic_cast<Upload*>(received);
  if (upload == nullptr) return Internal("a body that is no heap dump");
  TIDEMARK_ASSIGN_OR_RETURN(const HeapDumpInfo info, upload->Finish());
  Save(info);
  {
    const std::lock_guard lock(mutex_);
    ++stats_.received;
    stats_.received_bytes += info.bytes;
    queue_.push_back(info.id);
  }
  ready_.notify_one();
  return info.id;
}

std::vector<HeapDumpInfo> HeapDumps::List() const {
  std::vector<HeapDumpInfo> infos;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, info] : infos_) infos.push_back(info);
  }
  std::sort(infos.begin(), infos.end(), [](const HeapDumpInfo& a, const HeapDumpInfo& b) {
    return a.received_ns != b.received_ns ? a.received_ns > b.received_ns : a.id < b.id;
  });
  return infos;
}

Result<HeapDumpInfo> HeapDumps::Find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = infos_.find(id); found != infos_.end()) return found->second;
  return NotFound("no heap dump '" + Presentable(id, 40) + "'; GET /api/v1/heap-dumps lists them");
}

Result<std::string> HeapDumps::Read(const std::string& id, HeapDumpFile file) const {
  TIDEMARK_ASSIGN_OR_RETURN(const HeapDumpInfo info, Find(id));
  if (info.state != "done")
    return NotFound("heap dump '" + id + "' has no report: it is " + info.state +
                    (info.error.empty() ? "" : ": " + info.error));
  return ReadWholeFile(PathOf(id, SuffixOf(file)), kMaxReportBytes);
}

HeapDumpsStats HeapDumps::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void HeapDumps::Save(const HeapDumpInfo& info) {
  if (auto kept = WriteWholeFile(PathOf(info.id, ".json"), HeapDumpInfoJson(info)); !kept)
    spdlog::error("heap dump {}: {}", info.id, kept.error().message);
  const std::lock_guard lock(mutex_);
  infos_[info.id] = info;
  stats_.kept = infos_.size();
}

void HeapDumps::Run() {
  while (!stop_) {
    std::string id;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return stop_ || !queue_.empty(); });
      if (stop_) return;
      id = queue_.front();
      queue_.pop_front();
    }
    Work(id);
  }
}

void HeapDumps::Work(const std::string& id) {
  auto found = Find(id);
  if (!found) return;
  HeapDumpInfo info = *std::move(found);
  ++info.attempts;
  info.state = "analysing";
  Save(info);
  Result<void> analysed = info.attempts > kMaxAttempts
                              ? Result<void>(Internal("the server ended each time it was analysed"))
                              : Analyse(&info);
  if (!analysed && stop_) return;  // again after the next start
  std::error_code status;
  std::filesystem::remove(PathOf(id, ".dump"), status);
  info.finished_ns = WallClockNs();
  info.state = analysed ? "done" : "failed";
  if (!analysed) info.error = analysed.error().message;
  Save(info);
  {
    const std::lock_guard lock(mutex_);
    ++(analysed ? stats_.analysed : stats_.failed);
    --stats_.waiting;
    stats_.kept_bytes += info.report_bytes;
  }
  ForgetOldest();
  if (analysed) {
    done_(info);
  } else {
    spdlog::warn("heap dump {} '{}' of {}: {}", id, info.name, info.service, info.error);
  }
}

Result<void> HeapDumps::Analyse(HeapDumpInfo* info) {
  AnalyzeOptions options;
  options.memory_bytes = options_.memory_bytes;
  options.open.temp_directory = options_.directory;
  options.stop = &stop_;
  options.open.exe = info->executable;
  const std::string path = PathOf(info->id, ".dump");
  auto analysis = AnalyzeDump(path, options);
  if (!analysis && !info->executable.empty() && !stop_) {
    spdlog::warn("heap dump {} with {}: {}; once more without", info->id, info->executable,
                 analysis.error().message);
    options.open.exe.clear();
    analysis = AnalyzeDump(path, options);
  }
  if (!analysis) {
    // A sender is not told where its dump lay.
    Error error = analysis.error();
    if (error.message.starts_with(path + ": ")) error.message.erase(0, path.size() + 2);
    return error;
  }
  analysis->file = info->name.empty() ? info->id : info->name;
  analysis->time_ns = info->received_ns;
  const HeapReport report = MakeHeapReport(*analysis);
  const std::string texts[] = {HeapReportJson(report), HeapReportHtml(report),
                               EncodePprof(HeapReportProfile(report))};
  const HeapDumpFile files[] = {HeapDumpFile::kReport, HeapDumpFile::kHtml, HeapDumpFile::kPprof};
  for (size_t i = 0; i < std::size(texts); ++i) {
    TIDEMARK_RETURN_IF_ERROR(WriteWholeFile(PathOf(info->id, SuffixOf(files[i])), texts[i]));
    info->report_bytes += texts[i].size();
  }
  info->format = report.format;
  info->headline = report.headline;
  info->damage = report.damage;
  info->heap_objects = report.objects;
  info->heap_bytes = report.bytes;
  for (const ReportSuspect& suspect : report.suspects) {
    if (info->holders.size() == kMaxHolders) break;
    info->holders.push_back(FormatShare(suspect.retained_bytes, report.reachable_bytes()) + " " +
                            JoinChain(suspect.chain));
  }
  return {};
}

void HeapDumps::ForgetOldest() {
  std::vector<HeapDumpInfo> infos = List();
  uint64_t bytes = 0;
  for (const HeapDumpInfo& info : infos) bytes += info.report_bytes;
  // The newest stays, however large.
  for (size_t left = infos.size(); left > 1; --left) {
    if (left <= options_.max_kept && bytes <= options_.max_kept_bytes) break;
    const HeapDumpInfo& oldest = infos[left - 1];
    if (oldest.state != "done" && oldest.state != "failed") continue;
    bytes -= oldest.report_bytes;
    std::error_code status;
    for (const char* suffix : {".json", ".report.json", ".html", ".pb.gz"})
      std::filesystem::remove(PathOf(oldest.id, suffix), status);
    const std::lock_guard lock(mutex_);
    infos_.erase(oldest.id);
    ++stats_.forgotten;
    stats_.kept = infos_.size();
    stats_.kept_bytes -= oldest.report_bytes;
  }
}

}  // namespace tidemark
