#include "cli/detect_command.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <memory>
#include <ostream>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "cli/point_line.h"

namespace tidemark {
namespace {

constexpr size_t kReadBytes = 1 << 20;
constexpr uint64_t kShownErrors = 5;

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file && file != stdin) std::fclose(file);
  }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

struct ReadReport {
  uint64_t lines = 0, bad = 0;
};

// Feeds the detector line by line.
class PointFeed {
 public:
  PointFeed(std::string path, FleetDetector& detector)
      : path_(std::move(path)), detector_(detector) {}

  void Line(std::string_view line) {
    ++report_.lines;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
    auto point = ParsePointLine(line, scratch_);
    if (point) {
      detector_.Add(*point);
      return;
    }
    if (++report_.bad <= kShownErrors) {
      std::cerr << path_ << ':' << report_.lines << ": " << point.error().message << '\n';
    }
  }

  const ReadReport& report() const { return report_; }

 private:
  std::string path_;
  FleetDetector& detector_;
  PointLineScratch scratch_;
  ReadReport report_;
};

// Splits the file into lines. Of a line beyond the limit only as much is kept as shows that it is
// too long.
Result<void> ReadLines(std::FILE* file, const std::string& path, PointFeed& feed) {
  std::vector<char> buffer(kReadBytes);
  std::string pending;
  while (const size_t got = std::fread(buffer.data(), 1, buffer.size(), file)) {
    std::string_view chunk(buffer.data(), got);
    while (!chunk.empty()) {
      const size_t end = chunk.find('\n');
      const std::string_view piece = chunk.substr(0, end);
      if (end != std::string_view::npos && pending.empty()) {
        feed.Line(piece);
      } else if (pending.size() <= kMaxPointLineBytes) {
        pending.append(piece.substr(0, kMaxPointLineBytes + 1));
      }
      if (end == std::string_view::npos) break;
      if (!pending.empty()) feed.Line(pending);
      pending.clear();
      chunk.remove_prefix(end + 1);
    }
  }
  if (!pending.empty()) feed.Line(pending);
  if (std::ferror(file)) {
    return IoError("cannot read " + path + ": " + std::strerror(errno));
  }
  return {};
}

void WriteString(std::string_view text, std::ostream& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out << '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out << '\\' << c;
    } else if (byte < 0x20) {
      out << "\\u00" << kHex[byte >> 4] << kHex[byte & 15];
    } else {
      out << c;
    }
  }
  out << '"';
}

void WriteIncident(const Verdict& verdict, std::ostream& out) {
  out << "{\"id\": ";
  WriteString(verdict.id, out);
  out << ", \"service\": ";
  WriteString(verdict.service, out);
  out << ", \"version\": ";
  WriteString(verdict.version, out);
  out << ", \"instances\": [";
  for (size_t i = 0; i < verdict.instances.size(); ++i) {
    if (i > 0) out << ", ";
    WriteString(verdict.instances[i], out);
  }
  const Estimate& growth = verdict.bytes_per_hour;
  out << std::fixed << std::setprecision(0) << "], \"detected_at\": " << verdict.detected_at_s
      << ", \"closed_at\": ";
  if (verdict.closed_at_s > 0) {
    out << verdict.closed_at_s;
  } else {
    out << "null";
  }
  out << ", \"bytes_per_hour\": " << growth.value << ", \"ci\": [" << growth.low << ", "
      << growth.high << "], \"bytes_per_hour_first\": " << verdict.bytes_per_hour_first
      << ", \"onset\": " << verdict.onset_s << ", \"kind\": ";
  WriteString(verdict.kind, out);
  out << ", \"confidence\": " << std::setprecision(3) << verdict.confidence << '}';
}

void ReportInput(const ReadReport& read, const FleetCounters& counters) {
  if (read.bad > 0) {
    std::cerr << read.bad << " of " << read.lines << " lines could not be read\n";
  }
  const std::pair<const char*, uint64_t> losses[] = {
      {"invalid", counters.points_invalid},
      {"too late", counters.points_late},
      {"over an hour ahead of the others", counters.points_ahead},
      {"beyond the limits of services, versions or instances", counters.points_refused}};
  for (const auto& [what, count] : losses) {
    if (count > 0) std::cerr << count << " points not used: " << what << '\n';
  }
}

Result<void> WriteFile(const std::string& path, const std::vector<Verdict>& verdicts) {
  std::ofstream out(path, std::ios::trunc);
  if (out) WriteIncidentsJson(verdicts, out);
  out.close();
  if (!out) return IoError("cannot write " + path + ": " + std::strerror(errno));
  return {};
}

int Fail(const Error& error) {
  std::cerr << "tidemark detect: " << error.message << '\n';
  return 2;
}

}  // namespace

void WriteIncidentsJson(const std::vector<Verdict>& verdicts, std::ostream& out) {
  out << "{\"detector\": \"tidemark\", \"incidents\": [";
  for (size_t i = 0; i < verdicts.size(); ++i) {
    out << (i > 0 ? ",\n" : "\n");
    WriteIncident(verdicts[i], out);
  }
  out << "\n]}\n";
}

void WriteIncidentsText(const std::vector<Verdict>& verdicts, std::ostream& out) {
  if (verdicts.empty()) {
    out << "no leak found\n";
    return;
  }
  constexpr double kMiB = 1 << 20;
  for (const Verdict& v : verdicts) {
    out << v.service << ' ' << v.version << ": " << v.kind << " grows by " << std::fixed
        << std::setprecision(1) << v.bytes_per_hour.value / kMiB << " MiB an hour and instance ("
        << v.bytes_per_hour.low / kMiB << " to " << v.bytes_per_hour.high / kMiB << ") in "
        << v.instances.size() << " instances since "
        << FormatRfc3339(static_cast<int64_t>(v.onset_s) * kNsPerSecond) << ", detected "
        << FormatRfc3339(static_cast<int64_t>(v.detected_at_s) * kNsPerSecond);
    if (v.closed_at_s > 0) {
      out << ", over at " << FormatRfc3339(static_cast<int64_t>(v.closed_at_s) * kNsPerSecond);
    }
    out << ", confidence " << std::setprecision(2) << v.confidence << '\n';
  }
}

int RunDetect(const std::string& path, const std::string& out_path, DetectFormat format) {
  File file(path == "-" ? stdin : std::fopen(path.c_str(), "rb"));
  if (!file) return Fail(IoError("cannot open " + path + ": " + std::strerror(errno)));
  FleetDetector detector;
  PointFeed feed(path, detector);
  if (const auto read = ReadLines(file.get(), path, feed); !read) return Fail(read.error());
  detector.Finish();
  const FleetCounters counters = detector.counters();
  ReportInput(feed.report(), counters);
  const std::vector<Verdict> verdicts = detector.verdicts();
  if (!out_path.empty()) {
    if (const auto written = WriteFile(out_path, verdicts); !written) return Fail(written.error());
  }
  if (format == DetectFormat::kJson) {
    WriteIncidentsJson(verdicts, std::cout);
  } else {
    WriteIncidentsText(verdicts, std::cout);
  }
  if (counters.points == 0) {
    return Fail(InvalidArgument("no usable point in " + path + " (" +
                                std::to_string(feed.report().lines) + " lines)"));
  }
  return 0;
}

}  // namespace tidemark
