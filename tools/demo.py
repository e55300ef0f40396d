#!/usr/bin/env python3
"""The demo: a server, two services that leak and two that do not, under real load.

    demo.py                 runs until Ctrl-C, prints each incident when it is found
    demo.py --check         runs about four minutes without a person; exits 0 only when both leaks were found with the right
                            function named within 60 s (for the Go one also who holds it) and both fixed ones stayed clean for 3 minutes

Needs the release build (tools/build release). Go services run where a Go of at least 1.21 is installed.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIN = ROOT / "build/release/bin"
CLEAN_SECONDS = 180       # the fixed services must stay without an incident for so long
NAMED_SECONDS = 60        # a leak must have its cause by then
LEAK_MINUTES = 20         # the demo stops its load then, so that it does not eat the machine


def say(text):
    print(text, flush=True)


def free_port(wanted):
    """`wanted` when nobody listens there, else any free one."""
    for port in (wanted, 0):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return s.getsockname()[1]
    raise RuntimeError("no free port on 127.0.0.1")


def wait_until(what, condition, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except (OSError, urllib.error.URLError):
            pass
        time.sleep(0.1)
    raise RuntimeError(f"{what} did not come up within {seconds} s; its log is in {Demo.logs}")


def listening(port):
    with socket.socket() as s:
        s.settimeout(0.5)
        return s.connect_ex(("127.0.0.1", port)) == 0


def go_version():
    """(major, minor) of the installed Go, or None."""
    go = shutil.which("go")
    if not go:
        return None
    text = subprocess.run([go, "version"], capture_output=True, text=True, cwd="/").stdout
    match = re.search(r"go(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


class Service:
    """One of the four: how it is started and what must be found."""

    def __init__(self, name, version, leaks, cause=None, go=False):
        self.name, self.version, self.leaks, self.cause, self.go = name, version, leaks, cause, go
        self.instance = name + "-1"
        self.port = self.pprof_port = None
        self.load_started = None
        self.load_log = None
        self.incident = None
        self.named_after = None


class Demo:
    logs = None

    def __init__(self, rate, check, shots):
        self.rate, self.check, self.shots = rate, check, shots
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tidemark-demo-"))
        Demo.logs = self.folder / "logs"
        Demo.logs.mkdir()
        self.processes = []
        self.services = [
            Service("leaky-service", "1.0.0", True, cause="KeepEndedSpan"),
            Service("fixed-service", "1.0.1", False),
        ]
        version = go_version()
        if version and version >= (1, 21):
            self.services += [
                Service("leaky-service-go", "1.0.0", True, cause="main.processRequest", go=True),
                Service("fixed-service-go", "1.0.1", False, go=True),
            ]
        else:
            say("No Go of at least 1.21 on this machine: running the C++ pair only.")
        self.grpc, self.http, self.api = free_port(4317), free_port(4318), free_port(7070)

    # ------------------------------------------------------------ processes

    def start(self, name, command, env=None):
        log = open(Demo.logs / f"{name}.log", "w")
        process = subprocess.Popen([str(c) for c in command], stdout=log, stderr=subprocess.STDOUT,
                                   env={**os.environ, **(env or {})}, start_new_session=True)
        self.processes.append((name, process))
        return process

    def stop(self):
        for _, process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        for _, process in self.processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)

    def build_go(self):
        names = [s.name for s in self.services if s.go]
        if not names:
            return
        say("building the Go services (the first time downloads Go 1.24 and the OpenTelemetry SDK)")
        for name in names:
            subprocess.run(["go", "build", "-trimpath", "-o", str(BIN / name), "./" + name], cwd=ROOT / "examples", check=True,
                           env={**os.environ, "GOTOOLCHAIN": "go1.24.13"})

    def start_server(self):
        jobs = []
        for s in self.services:
            if s.go:
                s.pprof_port = free_port(0)
                jobs.append(f"""
  - job_name: {s.name}
    scrape_interval: 5s
    scrape_timeout: 4s
    scrape_metrics: false
    profiling_config:
      pprof_config:
        memory: {{enabled: true, path: "/debug/pprof/heap?gc=1"}}
      heap_dump: {{executable: "{BIN / s.name}"}}
    static_configs:
      - targets: ["127.0.0.1:{s.pprof_port}"]
        labels: {{instance: {s.instance}, version: "{s.version}"}}""")
        config = self.folder / "tidemark.yaml"
        config.write_text("scrape_configs:" + ("".join(jobs) or " []") + "\n")
        self.start("server", [BIN / "tidemark", "serve", "--config", config, "--data", self.folder / "data", "--grpc-port",
                              self.grpc, "--http-port", self.http, "--api-port", self.api])
        wait_until("tidemark serve", lambda: self.get("/readyz", raw=True) == b"ready\n", 20)

    def start_service(self, s):
        s.port = free_port(0)
        attributes = f"service.instance.id={s.instance},service.version={s.version}"
        env = {"OTEL_RESOURCE_ATTRIBUTES": attributes, "OTEL_SERVICE_NAME": s.name}
        if s.go:
            env.update({"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.grpc}", "OTEL_METRIC_EXPORT_INTERVAL": "5000",
                        "PATH": f"{BIN}:{os.environ['PATH']}"})  # tidemark shrink, for /debug/heapdump
            command = [BIN / s.name, "-addr", f"127.0.0.1:{s.port}", "-pprof", f"127.0.0.1:{s.pprof_port}"]
        else:
            server = f"http://127.0.0.1:{self.http}"
            env["OTEL_EXPORTER_OTLP_ENDPOINT"] = server
            command = [BIN / "tidemark", "run", "--server", server, "--sample-bytes", "65536", "--service", s.name, "--version", s.version, "--",
                       BIN / s.name, "--port", s.port]
        self.start(s.name, command, env)
        wait_until(s.name, lambda: listening(s.port), 20)

    def start_load(self, s, seconds):
        s.load_log = Demo.logs / f"load-{s.name}.log"
        self.start(f"load-{s.name}", [BIN / "load", "--rate", self.rate, "--seconds", seconds, "--url",
                                      f"http://127.0.0.1:{s.port}"])
        s.load_started = time.monotonic()

    # ------------------------------------------------------------ asking

    def get(self, path, raw=False):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.api}{path}", timeout=10) as reply:
            body = reply.read()
        return body if raw else json.loads(body)

    def look(self):
        """Reads the incidents; notes for each service when its cause was first named."""
        now = time.monotonic()
        for incident in self.get("/api/v1/incidents")["incidents"]:
            for s in self.services:
                if s.name != incident["service"]:
                    continue
                stacks = incident["evidence"]["stacks"]
                if s.named_after is None and stacks and stacks[0]["cause"]:
                    s.named_after = now - s.load_started
                s.incident = incident

    def tidemark(self, *arguments, server=True):
        """Runs the command line; against the demo's server unless told otherwise."""
        api = ["--api", f"http://127.0.0.1:{self.api}"] if server else []
        return subprocess.run([BIN / "tidemark", *arguments, *api], capture_output=True, text=True)

    def describe(self, s):
        say("\n" + self.tidemark("incidents", s.incident["id"]).stdout)

    def rates(self):
        """Requests a second that the load generators last reported, by service."""
        out = {}
        for s in self.services:
            found = re.findall(r"([\d.]+) (?:req/s|requests/s)", s.load_log.read_text()) if s.load_log else []
            out[s.name] = float(found[-1]) if found else 0.0
        return out

    def heap(self, s):
        series = self.get(f"/api/v1/series?service={s.name}&metric=heap&by=instance")["series"]
        points = [p for one in series for p in one["points"]]
        return points[-1][1] / 2**20 if points else 0.0

    # ------------------------------------------------------------ running

    def run(self):
        self.build_go()
        say("starting the server")
        self.start_server()
        for s in self.services:
            say(f"starting {s.name} {s.version}" + (" under tidemark run" if not s.go else ""))
            self.start_service(s)
        seconds = CLEAN_SECONDS + 30 if self.check else LEAK_MINUTES * 60
        for s in self.services:
            self.start_load(s, seconds)
        say(f"load: {self.rate} requests a second asked of each service; page at http://127.0.0.1:{self.api}/\n")
        self.watch(CLEAN_SECONDS if self.check else None)

    def watch(self, seconds):
        began = last = time.monotonic()
        shown = set()
        while seconds is None or time.monotonic() - began < seconds:
            time.sleep(0.5)
            for name, process in self.processes:
                if process.poll() is not None and not name.startswith("load-"):
                    raise RuntimeError(f"{name} ended with status {process.returncode}; its log is {Demo.logs}/{name}.log")
            self.look()
            for s in self.services:
                if s.incident and s.name not in shown and self.evidence_complete(s):
                    shown.add(s.name)
                    self.describe(s)
                    say(f"page: http://127.0.0.1:{self.api}/\n")
            if time.monotonic() - last >= 10:
                last = time.monotonic()
                self.progress(last - began)

    def evidence_complete(self, s):
        evidence = s.incident["evidence"]
        late = time.monotonic() - s.load_started > NAMED_SECONDS + 10
        return evidence["captures"] and (not s.go or evidence["retention"] or late)

    def progress(self, elapsed):
        rates = self.rates()
        parts = [f"{s.name} {self.heap(s):.0f} MiB at {rates[s.name]:.0f}/s{', LEAKS' if s.incident else ''}" for s in self.services]
        say(f"{elapsed:4.0f} s  " + "; ".join(parts))

    # ------------------------------------------------------------ checking

    def verdicts(self):
        """(assertion, figure, passed) of everything the demo promises."""
        rates = self.rates()
        for s in self.services:
            yield f"{s.name}: under load", f"{rates[s.name]:.0f} requests/s of {self.rate}", rates[s.name] > 0
            if s.leaks:
                yield from self.leak_verdicts(s)
            else:
                found = s.incident["summary"] if s.incident else "no incident"
                yield f"{s.name}: clean for {CLEAN_SECONDS} s", found, s.incident is None
        yield from self.page_verdicts()

    def page_verdicts(self):
        page = self.get("/", raw=True)
        yield "the page is served", f"{len(page)} bytes", b"<html" in page
        if not self.shots:
            return
        test = ROOT / "tests/e2e/page"
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-progress", "--loglevel=error"], cwd=test, check=True)
        run = subprocess.run(["node", "page_test.mjs", f"http://127.0.0.1:{self.api}/", self.shots], cwd=test,
                             capture_output=True, text=True)
        (Demo.logs / "page.log").write_text(run.stdout + run.stderr)
        checks = re.findall(r"^(ok|FAILED)\s+(.*)$", run.stdout, re.MULTILINE)
        for result, name in checks:
            yield f"page: {name}", f"screenshots in {self.shots}", result == "ok"
        yield "page: every check ran", f"{len(checks)} checks, status {run.returncode}", run.returncode == 0 and bool(checks)

    def leak_verdicts(self, s):
        if not s.incident or s.named_after is None:
            yield f"{s.name}: leak found", "no incident", False
            return
        evidence = s.incident["evidence"]
        cause = evidence["stacks"][0]["cause"]
        place = f"{evidence['stacks'][0]['cause_file']}:{evidence['stacks'][0]['cause_line']}"
        yield f"{s.name}: cause named within {NAMED_SECONDS} s", f"{s.named_after:.1f} s after the first request", s.named_after <= NAMED_SECONDS
        yield f"{s.name}: the function is {s.cause}", f"{cause} at {place}", s.cause in cause and evidence["stacks"][0]["cause_line"] > 0
        yield f"{s.name}: version", str(s.incident["versions"]), s.incident["versions"] == [s.version]
        growth = s.incident["growth_bytes_per_hour"]
        yield f"{s.name}: growth with its interval", f"{growth['value']/2**30:.2f} GiB/h [{growth['low']/2**30:.2f}, {growth['high']/2**30:.2f}]", 0 < growth["low"] <= growth["value"] <= growth["high"]
        routes = [(r["route"], round(r["growth_share"], 2), r["method"]) for r in evidence["routes"]]
        yield f"{s.name}: the route is /checkout", str(routes[:3]), bool(routes) and "checkout" in routes[0][0]
        yield f"{s.name}: traces", f"{len(evidence['traces'])}, first {evidence['traces'][0]['trace_id'] if evidence['traces'] else '-'}", bool(evidence["traces"])
        yield from self.capture_verdicts(s, evidence["captures"])
        if s.go:
            held = "; ".join(evidence["retention"][:2]) or "nothing told"
            yield f"{s.name}: held by main.keptSpans", held, held.count("main.keptSpans") == 1
        yield from self.command_verdicts(s, evidence["captures"])

    def capture_verdicts(self, s, captures):
        worst = [c for c in captures if c["role"] == "worst"]
        if not worst:
            yield f"{s.name}: capture", "none", False
            return
        file = worst[0]["file"]
        yield f"{s.name}: capture", file, pathlib.Path(file).is_file()
        if shutil.which("go"):
            top = subprocess.run(["go", "tool", "pprof", "-top", "-sample_index=inuse_space", file], capture_output=True, text=True).stdout
            rows = [line for line in top.splitlines() if re.match(r"\s*[\d.]+[kMGT]?B\s", line)]
            yield f"{s.name}: go tool pprof -top, first row", rows[0].strip() if rows else top[:200], bool(rows) and s.cause in rows[0]
            comments = subprocess.run(["go", "tool", "pprof", "-comments", file], capture_output=True, text=True).stdout
            traces = re.search(r"tidemark\.active_trace_ids: (\S+)", comments)
            yield f"{s.name}: annotations in the capture", f"{len(traces[1].split(','))} active traces" if traces else comments[:200], bool(traces) and "tidemark.trigger: growth" in comments


    def command_verdicts(self, s, captures):
        """The commands a person would type next, on what they would type them."""
        listed = self.tidemark("incidents", "--check", "--service", s.name)
        yield f"{s.name}: tidemark incidents --check", f"status {listed.returncode}", listed.returncode == 1 and s.name in listed.stdout
        file = self.folder / f"{s.name}-now.pb.gz"
        taken = self.tidemark("capture", s.name, "-o", file)
        yield f"{s.name}: tidemark capture", (taken.stdout + taken.stderr).strip()[:200], taken.returncode == 0 and file.is_file()
        if not captures or not file.is_file():
            return
        top = self.tidemark("top", file, server=False)
        named = [line for line in top.stdout.splitlines() if s.cause in line]
        yield f"{s.name}: tidemark top of that", named[0] if named else top.stderr[:200], bool(named)
        diff = self.tidemark("diff", "--check", captures[0]["file"], file, server=False)
        named = [line for line in diff.stdout.splitlines() if s.cause in line]
        yield f"{s.name}: tidemark diff --check with the first", named[0] if named else diff.stderr[:200], bool(named) and diff.returncode == 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="assert and exit")
    parser.add_argument("--rate", type=int, default=1000, help="requests a second for each service (1000)")
    parser.add_argument("--page", metavar="FOLDER", help="with --check: the page in headless Chromium too, screenshots to FOLDER")
    arguments = parser.parse_args()
    if not (BIN / "tidemark").exists():
        sys.exit("demo: build first: tools/build release")
    demo = Demo(arguments.rate, arguments.check, arguments.page and pathlib.Path(arguments.page).resolve())
    status = 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does, with everything it started
    try:
        demo.run()
        if arguments.check:
            failed = 0
            say("")
            for name, figure, passed in demo.verdicts():
                say(f"{'ok    ' if passed else 'FAILED'}  {name}: {figure}")
                failed += not passed
            say(f"\n{failed} assertions failed" if failed else "\nall assertions passed")
            status = 1 if failed else 0
    except KeyboardInterrupt:
        say("\nstopping")
    except RuntimeError as error:
        say(f"demo: {error}")
        status = 1
    finally:
        demo.stop()
        say(f"captures and logs stay in {demo.folder}")
    return status


if __name__ == "__main__":
    sys.exit(main())
