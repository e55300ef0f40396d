// The command line: options to structures, nothing else. Each command lives in its own file.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <limits>
#include <map>

#include "base/files.h"
#include "base/time.h"
#include "cli/client_commands.h"
#include "cli/detect_command.h"
#include "cli/heap_command.h"
#include "cli/output.h"
#include "cli/profile_commands.h"
#include "cli/shrink_command.h"
#include "cli/snapshot_command.h"
#include "collect/runner.h"
#include "collect/watcher.h"
#include "server/server.h"

namespace tidemark {
namespace {

constexpr size_t kMaxConfigBytes = 4 << 20;

void AddFormat(CLI::App* command, OutputFormat* format) {
  static const std::map<std::string, OutputFormat> kNames = {{"text", OutputFormat::kText},
                                                             {"json", OutputFormat::kJson}};
  command->add_option("--format", *format, "text or json")
      ->transform(CLI::CheckedTransformer(kNames));
}

// ---------------------------------------------------------------- serve

struct ServeFlags {
  std::string config_path, data_dir, listen;
  int grpc_port = -1, http_port = -1, api_port = -1;
};

Result<ServerConfig> ServerConfigFrom(const ServeFlags& flags) {
  ServerConfig config;
  if (!flags.config_path.empty()) {
    TIDEMARK_ASSIGN_OR_RETURN(const std::string yaml,
                              ReadWholeFile(flags.config_path, kMaxConfigBytes));
    auto parsed = ParseServerConfig(yaml, config);
    if (!parsed) return InvalidArgument(flags.config_path + ": " + parsed.error().message);
    config = std::move(*parsed);
    config.scrape_file = flags.config_path;
  }
  // The command line speaks over the file.
  if (!flags.data_dir.empty()) config.data_dir = flags.data_dir;
  if (!flags.listen.empty()) config.listen = flags.listen;
  if (flags.grpc_port >= 0) config.grpc_port = static_cast<uint16_t>(flags.grpc_port);
  if (flags.http_port >= 0) config.http_port = static_cast<uint16_t>(flags.http_port);
  if (flags.api_port >= 0) config.api_port = static_cast<uint16_t>(flags.api_port);
  return config;
}

void AddServe(CLI::App* app, int* exit_code) {
  auto* flags = new ServeFlags;  // lives as long as the program
  CLI::App* command =
      app->add_subcommand("serve", "Run the server: OTLP in, incidents out, page on port 7070");
  command->add_option("--config", flags->config_path,
                      "YAML file; scrape_configs as Prometheus writes them");
  command->add_option("--data", flags->data_dir, "where everything is kept (tidemark-data)");
  command->add_option("--listen", flags->listen,
                      "address of all ports (127.0.0.1); 0.0.0.0 lets others in");
  command->add_option("--grpc-port", flags->grpc_port, "OTLP/gRPC (4317); 0 = any")
      ->check(CLI::Range(0, 65535));
  command->add_option("--http-port", flags->http_port, "OTLP/HTTP (4318); 0 = any")
      ->check(CLI::Range(0, 65535));
  command->add_option("--api-port", flags->api_port, "API and page (7070); 0 = any")
      ->check(CLI::Range(0, 65535));
  command->footer("Example:\n  tidemark serve --config tidemark.yaml --data /var/lib/tidemark");
  command->callback([flags, exit_code] {
    const auto config = ServerConfigFrom(*flags);
    *exit_code = config ? RunServer(*config) : Fail(config.error());
  });
}

void AddDebugDirectories(CLI::App* command, std::vector<std::string>* directories) {
  command
      ->add_option("--debug-dir", *directories,
                   "separate debug files, looked into before /usr/lib/debug; repeatable")
      ->allow_extra_args(false);
}

// ---------------------------------------------------------------- run

void AddRun(CLI::App* app, int* exit_code) {
  auto* options = new RunOptions;
  auto* interval = new std::string("5s");
  CLI::App* command = app->add_subcommand("run", "Run a native program under the recorder");
  command->add_option(
      "--server", options->server,
      "OTLP/HTTP of a server, as http://127.0.0.1:4318; without it a report at the end");
  command
      ->add_option("--sample-bytes", options->sample_bytes,
                   "mean bytes between two samples (524288)")
      ->check(CLI::PositiveNumber);
  command->add_flag(
      "--mmap", options->mappings,
      "record what the program maps itself as well, from 1 MiB on, and the stacks of threads");
  command->add_option("--interval", *interval, "between two pushes (5s)");
  command->add_option("--pprof-port", options->pprof_port,
                      "of /debug/pprof/heap on 127.0.0.1; 0 = any");
  command->add_option("--dir", options->directory, "keep the ledgers in this folder");
  command->add_option("--service", options->service, "service.name, over OTEL_SERVICE_NAME");
  command->add_option("--version", options->version, "service.version");
  AddDebugDirectories(command, &options->debug_directories);
  static const std::map<std::string, ReportFormat> kNames = {{"text", ReportFormat::kText},
                                                             {"json", ReportFormat::kJson}};
  command->add_option("--format", options->report_format, "of the report: text or json")
      ->transform(CLI::CheckedTransformer(kNames));
  command->add_option("command", options->command, "the program and its arguments")->required();
  command->prefix_command(false);
  command->positionals_at_end();
  command->footer(
      "Examples:\n  tidemark run -- ./service --port 8080\n  tidemark run --server "
      "http://127.0.0.1:4318 -- ./service\n"
      "While it runs, `kill -USR1` on tidemark prints a report; go tool pprof reads "
      "http://127.0.0.1:PORT/debug/pprof/heap.");
  command->callback([options, interval, exit_code] {
    const auto interval_ns = ParseDuration(*interval);
    if (!interval_ns) {
      *exit_code = Fail(interval_ns.error());
      return;
    }
    options->interval_ns = *interval_ns;
    *exit_code = RunCommand(*options);
  });
}

// ---------------------------------------------------------------- watch

void AddWatch(CLI::App* app, int* exit_code) {
  auto* options = new WatchOptions;
  auto* interval = new std::string("5s");
  CLI::App* command =
      app->add_subcommand("watch", "Watch the recorded processes of a directory of ledgers");
  command->add_option("directory", options->directory, "TIDEMARK_DIR of the processes")->required();
  command->add_option(
      "--server", options->server,
      "OTLP/HTTP of a server, as http://127.0.0.1:4318; without it only the endpoint");
  command->add_option("--interval", *interval, "between two pushes (5s)");
  command->add_option("--pprof-port", options->pprof_port,
                      "of /debug/pprof/heap?pid=N on 127.0.0.1; 0 = any");
  command->add_option("--max-processes", options->max_processes, "read at a time (256)")
      ->check(CLI::Range(1, 4096));
  command->add_flag("--remove-ended", options->remove_ended,
                    "remove a ledger once the server has the last profile of its process");
  AddDebugDirectories(command, &options->debug_directories);
  command->footer(
      "Example, as a sidecar that shares the process namespace:\n"
      "  tidemark watch /run/tidemark --server http://tidemark:4318 --remove-ended");
  command->callback([options, interval, exit_code] {
    const auto interval_ns = ParseDuration(*interval);
    if (!interval_ns) {
      *exit_code = Fail(interval_ns.error());
      return;
    }
    options->interval_ns = *interval_ns;
    *exit_code = WatchCommand(*options);
  });
}

// ---------------------------------------------------------------- files

void AddProfileFlags(CLI::App* command, ProfileCommandOptions* options) {
  command->add_option("--type", options->type,
                      "inuse_space, inuse_objects, alloc_space or alloc_objects");
  command->add_option("-n,--rows", options->rows, "functions shown (20)");
  AddDebugDirectories(command, &options->debug_directories);
  AddFormat(command, &options->format);
}

void AddTop(CLI::App* app, int* exit_code) {
  auto* options = new ProfileCommandOptions;
  CLI::App* command = app->add_subcommand("top", "Heaviest functions and stack of a heap profile");
  command
      ->add_option("profile", options->profile,
                   "pprof, gperftools or jemalloc profile, or a ledger; - for stdin")
      ->required();
  AddProfileFlags(command, options);
  command->callback([options, exit_code] { *exit_code = RunTop(*options); });
}

void AddDiff(CLI::App* app, int* exit_code) {
  auto* options = new ProfileCommandOptions;
  CLI::App* command = app->add_subcommand("diff", "What grew between two heap profiles");
  command->add_option("base", options->base, "the earlier profile")->required();
  command->add_option("profile", options->profile, "the later profile")->required();
  command->add_flag("--check", options->check, "exit 1 when it grew");
  AddProfileFlags(command, options);
  command->callback([options, exit_code] { *exit_code = RunDiff(*options); });
}

void AddHeap(CLI::App* app, int* exit_code) {
  static const std::map<std::string, HeapOutput> kNames = {{"text", HeapOutput::kText},
                                                           {"json", HeapOutput::kJson},
                                                           {"html", HeapOutput::kHtml},
                                                           {"pprof", HeapOutput::kPprof}};
  auto* options = new HeapCommandOptions;
  auto* format = new std::string("text");
  CLI::App* command = app->add_subcommand(
      "heap", "Who holds the memory: owners, paths and suspects of a heap dump; of two, what grew");
  command
      ->add_option(
          "dump", options->dump,
          "Go heap dump or core, JVM HPROF, V8 heap snapshot, or a shrunk dump, gzipped or "
          "not; - for stdin")
      ->required();
  command->add_option("later", options->later, "a later dump of the same program: says what grew");
  command->add_option("--exe", options->exe,
                      "Go: the program that was dumped; names its globals and its types");
  command->add_option("--memory", options->memory,
                      "for the graph, as 2GiB; what is larger goes to files in TMPDIR (three "
                      "quarters of what is free)");
  command->add_option("--format", *format, "of the report (text)")
      ->check(CLI::IsMember({"text", "json", "html", "pprof"}));
  command->add_option("-o,--out", options->out, "file, FIFO or - for stdout (-)");
  command->add_flag("--mat-compat", options->mat_compat,
                    "HPROF: count references as Eclipse MAT does");
  command->add_option("-n,--top", options->top, "rows of each table of the text (15)");
  command->add_flag("--check", options->check,
                    "exit 1 when one owner holds half of the heap, or a path grew much");
  command->footer(
      "The first sentence names who holds most; below it are the path from a root, what else is\n"
      "large, and what the dump could not tell. Retained bytes are what would be freed with an "
      "owner.\n\n"
      "Where dumps come from:\n"
      "  Go    debug.WriteHeapDump(fd), or tidemark snapshot --pid PID without a call in the "
      "program\n"
      "  JVM   jcmd PID GC.heap_dump FILE\n"
      "  Node  node --heapsnapshot-signal=SIGUSR2, or v8.writeHeapSnapshot()\n\n"
      "Exit: 0 fine, 1 with --check when something was found, 2 bad usage or input. A damaged "
      "dump\n"
      "is told as far as it goes, with PARTIAL before it, and exits 0.\n\n"
      "Examples:\n"
      "  tidemark heap --exe ./service service.dump\n"
      "  tidemark heap --format html --out who.html heap.hprof\n"
      "  tidemark heap before.heapsnapshot after.heapsnapshot\n"
      "  tidemark heap --format pprof --out held.pb.gz heap.hprof && go tool pprof -top "
      "held.pb.gz");
  command->callback([options, format, exit_code] {
    options->output = kNames.at(*format);
    *exit_code = RunHeap(*options);
  });
}

void AddShrink(CLI::App* app, int* exit_code) {
  auto* options = new ShrinkCommandOptions;
  CLI::App* command = app->add_subcommand(
      "shrink", "A heap dump without its contents: a fiftieth of the size, same retained sizes");
  command
      ->add_option(
          "dump", options->dump,
          "Go heap dump, JVM HPROF or V8 heap snapshot, gzipped or not: a file, a FIFO, or "
          "- for stdin; read once")
      ->required();
  command->add_option("-o,--out", options->out, "file, FIFO or - for stdout (DUMP.graph)");
  command->add_flag("--strict", options->strict,
                    "keep no contents at all, not even the times and names of spans");
  command->add_flag("--all-span-ids", options->all_span_ids,
                    "keep the ids of every span, 24 bytes each, rather than of a sample");
  command->add_option("--level", options->level, "of zstd, 1 to 19 (6)")->check(CLI::Range(1, 19));
  command->footer(
      "What stays: addresses, sizes, types, references, names of fields, globals and functions;\n"
      "of OpenTelemetry spans in Go their times, ids, kind and name. Whatever the dump's size it\n"
      "takes some 60 MB of memory.\n\n"
      "Examples:\n"
      "  tidemark shrink heap.dump && tidemark heap heap.dump.graph\n"
      "  mkfifo f && tidemark shrink f --out heap.graph &   # the service writes its dump into f");
  command->callback([options, exit_code] { *exit_code = RunShrink(*options); });
}

void AddSnapshot(CLI::App* app, int* exit_code) {
  auto* options = new SnapshotCommandOptions;
  CLI::App* command = app->add_subcommand(
      "snapshot", "The heap of a running Go program, which stands still for a moment");
  command->add_option("--pid", options->pid, "the process")
      ->required()
      ->check(CLI::Range(1, std::numeric_limits<int>::max()).description("NUMBER"));
  command->add_option("-o,--out", options->out, "file, FIFO or - for stdout (heap.PID.graph)");
  command->add_option("--exe", options->exe, "the program (/proc/PID/exe)");
  command
      ->add_option("--max-copy", options->max_copy_bytes,
                   "of the heap's pointers, as 2G; half of the available memory by default")
      ->transform(CLI::AsSizeValue(false));
  command->add_flag("--spool", options->spool, "copy into a temporary file, not into memory");
  command->add_flag("--strict", options->strict,
                    "keep no contents at all, not even the times and names of spans");
  command->add_flag("--all-span-ids", options->all_span_ids,
                    "keep the ids of every span, 24 bytes each, rather than of a sample");
  command->footer(
      "The program needs no change: it is stopped, its pointers are copied, it goes on. Needs the\n"
      "right to trace it: the same user and kernel.yama.ptrace_scope 0, or CAP_SYS_PTRACE; in a\n"
      "pod a shared process namespace.\n\n"
      "Example:\n"
      "  tidemark snapshot --pid 4711 && tidemark heap heap.4711.graph --exe ./service");
  command->callback([options, exit_code] { *exit_code = RunSnapshot(*options); });
}

void AddDetect(CLI::App* app, int* exit_code) {
  struct Flags {
    std::string points, out;
    DetectFormat format = DetectFormat::kText;
  };
  static const std::map<std::string, DetectFormat> kNames = {{"text", DetectFormat::kText},
                                                             {"json", DetectFormat::kJson}};
  auto* flags = new Flags;
  CLI::App* command = app->add_subcommand("detect", "Run the detector alone over recorded points");
  command->add_option("points", flags->points, "JSON lines in arrival order; - for stdin")
      ->required();
  command->add_option("--out", flags->out, "file for the incidents as JSON");
  command->add_option("--format", flags->format, "text or json")
      ->transform(CLI::CheckedTransformer(kNames));
  command->callback(
      [flags, exit_code] { *exit_code = RunDetect(flags->points, flags->out, flags->format); });
}

// ---------------------------------------------------------------- a running server

void AddClientFlags(CLI::App* command, ClientOptions* options) {
  command->add_option("--api", options->api, "address of the server's API (http://127.0.0.1:7070)");
  AddFormat(command, &options->format);
}

void AddIncidents(CLI::App* app, int* exit_code) {
  auto* options = new IncidentsOptions;
  CLI::App* command =
      app->add_subcommand("incidents", "List the incidents of a server, or show one whole");
  command->add_option("id", options->id, "of the incident to show");
  command->add_option("--state", options->state, "open or resolved")
      ->check(CLI::IsMember({"open", "resolved"}));
  command->add_option("--service", options->service, "only this service");
  command->add_flag("--check", options->check, "exit 1 when one is open");
  AddClientFlags(command, options);
  command->callback([options, exit_code] { *exit_code = RunIncidents(*options); });
}

void AddCapture(CLI::App* app, int* exit_code) {
  auto* options = new CaptureOptions;
  CLI::App* command =
      app->add_subcommand("capture", "Take an annotated heap profile of a running service");
  command->add_option("selector", options->selector, "SERVICE or SERVICE/INSTANCE")->required();
  command->add_option("-o,--out", options->out, "file to write the profile to");
  AddClientFlags(command, options);
  command->callback([options, exit_code] { *exit_code = RunCapture(*options); });
}

void AddSurvivors(CLI::App* app, int* exit_code) {
  auto* options = new SurvivorsOptions;
  CLI::App* command = app->add_subcommand(
      "survivors",
      "Live bytes of spans that ended over a minute ago, by route, as the server sees it");
  command->add_option("--service", options->service);
  command->add_flag("--check", options->check, "exit 1 when a route is suspect");
  AddClientFlags(command, options);
  command->callback([options, exit_code] { *exit_code = RunSurvivors(*options); });
}

void AddCompare(CLI::App* app, int* exit_code) {
  auto* options = new CompareOptions;
  CLI::App* command = app->add_subcommand("compare", "Before / after table of two versions");
  command->add_option("--service", options->service)->required();
  command->add_option("--before", options->before, "a version")->required();
  command->add_option("--after", options->after, "a version")->required();
  AddClientFlags(command, options);
  command->callback([options, exit_code] { *exit_code = RunCompare(*options); });
}

int Main(int argc, char** argv) {
  CLI::App app("Tidemark finds memory leaks in running services and names their cause.");
  app.set_version_flag("--version", "tidemark " TIDEMARK_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Start with:\n  tidemark run -- ./service          a report of what one program holds\n"
      "  tidemark serve                     the server; point OTLP exporters at port 4317 or 4318");
  int exit_code = kExitFine;
  for (const auto add :
       {AddServe, AddRun, AddWatch, AddTop, AddDiff, AddHeap, AddShrink, AddSnapshot, AddDetect,
        AddIncidents, AddSurvivors, AddCapture, AddCompare}) {
    add(&app, &exit_code);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitFine : kExitBad;
  } catch (const std::exception& error) {
    return Fail(Internal(error.what()));
  }
  return exit_code;
}

}  // namespace
}  // namespace tidemark

int main(int argc, char** argv) { return tidemark::Main(argc, argv); }
