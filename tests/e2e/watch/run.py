#!/usr/bin/env python3
"""`tidemark watch` over services that somebody else started, and survivors named within 90 s. See README.md."""
import argparse
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "common"))
import harness  # noqa: E402

NAMED_SECONDS = 90
CLEAN_SECONDS = 120  # how long the fixed service is watched
SLOWER = 4           # the slow leak's requests a second: a quarter, 250 of 1,000


def wait_until(what, condition, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise RuntimeError(f"{what}: not within {seconds} s")


def listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Service:
    def __init__(self, name, version, port, program=None, slower=1):
        self.name, self.version, self.port = name, version, port
        self.program, self.slower = program or name, slower  # what runs; its requests a second are those asked for / slower
        self.process = None


class Scene:
    """Everything that runs, ended in the reverse order."""

    def __init__(self, tidemark, folder, rate):
        self.tidemark, self.folder, self.rate = pathlib.Path(tidemark).resolve(), folder, rate
        self.bin = self.tidemark.parent
        self.ledgers = folder / "ledgers"
        self.server = harness.Server(str(self.tidemark), str(folder / "data"), folder / "server.log")
        self.processes = []
        self.load_began = None

    def start(self, name, command, env=None):
        with open(self.folder / f"{name}.log", "w", encoding="utf-8") as log:
            process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=subprocess.STDOUT,
                                       env={**os.environ, **(env or {})})
        self.processes.append(process)
        return process

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def start_service(self, service):
        pod = self.ledgers / service.name
        pod.mkdir()
        preload = self.bin.parent / "lib/libtidemark.so"
        service.process = self.start(service.name, [self.bin / service.program, "--port", service.port], {
            "LD_PRELOAD": str(preload), "TIDEMARK_DIR": str(pod), "TIDEMARK_SAMPLE_BYTES": "65536",
            "OTEL_SERVICE_NAME": service.name, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.server.http}",
            "OTEL_RESOURCE_ATTRIBUTES": f"service.version={service.version},service.instance.id={service.name}-1"})
        wait_until(service.name, lambda: listening(service.port), 20)

    def start_load(self, services):
        for service in services:
            self.start(f"load-{service.name}", [self.bin / "load", "--rate", self.rate / service.slower, "--seconds", 600, "--url",
                                                f"http://127.0.0.1:{service.port}"])
        self.load_began = time.monotonic()

    def survivors(self, service):
        return json.loads(self.server.fetch("/api/v1/survivors", service=service.name))["routes"]

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        self.server.stop()


def lay_traps(folder):
    (folder / "71.ledger").symlink_to("/etc/passwd")
    os.mkfifo(folder / "72.ledger")
    (folder / "73.ledger").write_bytes(os.urandom(100_000))
    with open(folder / "74.ledger", "wb") as sparse:
        sparse.truncate(100 << 30)
    (folder / "75.ledger").mkdir()
    (folder / "loop").symlink_to(folder)


def check_names(scene, services, checks):
    """The services are known by their environment's names, with functions in their profiles."""
    def known():
        targets = json.loads(scene.server.fetch("/api/v1/targets"))["targets"]
        return {(t["service"], t["version"], t["instance"]) for t in targets}
    wanted = {(s.name, s.version, f"{s.name}-1") for s in services}
    found = wait_until("profiles of all services", lambda: known() >= wanted and known(), 30)
    checks.that(found == wanted, f"targets are the services and no others: {sorted(found)}")


class Finding:
    """When a leaking service's route became suspect, and when any incident of it was opened; seconds of load, None before."""

    def __init__(self, service):
        self.service, self.named, self.incident_at = service, None, None

    def look(self, scene, seconds):
        suspects = [r for r in scene.survivors(self.service) if r["suspect"]]
        if self.named is None and suspects:
            self.named = round(seconds, 1)
            print(f"{self.service.name} suspect after {seconds:.1f} s: {json.dumps({k: v for k, v in suspects[0].items() if k != 'traces'})}")
        if self.incident_at is None and json.loads(scene.server.fetch("/api/v1/incidents", service=self.service.name))["incidents"]:
            self.incident_at = round(seconds, 1)


def watch_survivors(scene, leaky, slow, fixed, checks):
    fast_leak, slow_leak = Finding(leaky), Finding(slow)
    wrong = []
    while time.monotonic() - scene.load_began < CLEAN_SECONDS:
        seconds = time.monotonic() - scene.load_began
        fast_leak.look(scene, seconds)
        slow_leak.look(scene, seconds)
        wrong += [r["route"] for r in scene.survivors(fixed) if r["suspect"]]
        time.sleep(0.5)
    rows = scene.survivors(leaky)
    for finding in (fast_leak, slow_leak):
        checks.that(finding.named is not None and finding.named <= NAMED_SECONDS,
                    f"survivors name the leak of {finding.service.name} within {NAMED_SECONDS} s of the first request: {finding.named} s; "
                    f"its first incident was opened after {finding.incident_at} s")
    checks.that(slow_leak.named is not None and (slow_leak.incident_at is None or slow_leak.named < slow_leak.incident_at),
                "a slow leak is named by its survivors before any trend")
    checks.that(rows and rows[0]["route"] == "/checkout" and rows[0]["traces"], f"its route is /checkout: {rows and rows[0]['route']}")
    checks.that(not any(r["suspect"] for r in rows if r["route"] != "/checkout"), "no other route of it is suspect")
    checks.that(not wrong, f"the fixed service has no suspect route in {CLEAN_SECONDS} s: {sorted(set(wrong))}")
    incidents = json.loads(scene.server.fetch("/api/v1/incidents", service=fixed.name))["incidents"]
    checks.that(not incidents, "and no incident")
    series = json.loads(scene.server.fetch("/api/v1/series", service=leaky.name, metric="tidemark.survivor.bytes"))["series"]
    checks.that(series and series[0]["points"][-1][1] > 0, f"series tidemark.survivor.bytes has {len(series)} routes")


def check_commands(scene, leaky, checks):
    api = f"http://127.0.0.1:{scene.server.api}"
    run = subprocess.run([scene.tidemark, "survivors", "--api", api, "--service", leaky.name, "--check"],
                         capture_output=True, text=True)
    print(run.stdout)
    checks.that(run.returncode == 1 and "/checkout" in run.stdout and "suspect" in run.stdout,
                f"tidemark survivors --check ends with {run.returncode} and names the route")
    port = re.search(r"http://127\.0\.0\.1:(\d+)/debug", scene.log("watch"))[1]
    heap = scene.folder / "heap.pb.gz"
    url = f"http://127.0.0.1:{port}/debug/pprof/heap?gc=1&pid={leaky.process.pid}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        heap.write_bytes(answer.read())
    top = subprocess.run([scene.tidemark, "top", heap], capture_output=True, text=True).stdout
    checks.that("KeepEndedSpan" in top, "the heap endpoint's profile names KeepEndedSpan")


def check_ends(scene, leaky, orderly, watch, checks):
    leaky.process.send_signal(signal.SIGKILL)
    leaky.process.wait()
    for service in orderly:
        service.process.terminate()
        service.process.wait()
    gone = wait_until("the ledgers' removal", lambda: not list(scene.ledgers.glob("*-service/*.ledger")), 30)
    checks.that(gone, "the ledgers of the killed and of the ended services are removed")
    traps = sorted(p.name for p in scene.ledgers.glob("*.ledger"))
    checks.that(len(traps) == 5, f"nothing else is removed: {traps}")
    watch.terminate()
    checks.that(watch.wait(20) == 0, "watch ends with 0 on SIGTERM")
    last = scene.log("watch").splitlines()[-2:]
    print("\n".join(last))
    checks.that("watched 3 processes" in last[0] and "names that are no file" in last[0], "its last lines count what it met")
    checks.that(", 0 lost" in last[1], "and no request was lost")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tidemark", required=True)
    parser.add_argument("--rate", type=int, default=1000)
    arguments = parser.parse_args()
    checks = harness.Checks()
    with tempfile.TemporaryDirectory(prefix="tidemark-watch-") as temporary:
        scene = Scene(arguments.tidemark, pathlib.Path(temporary), arguments.rate)
        ports = harness.free_ports(3)
        leaky, fixed = Service("leaky-service", "1.0.0", ports[0]), Service("fixed-service", "1.0.1", ports[1])
        slow = Service("slow-service", "1.0.0", ports[2], program="leaky-service", slower=SLOWER)
        try:
            scene.server.start()
            scene.ledgers.mkdir()
            lay_traps(scene.ledgers)
            watch = scene.start("watch", [scene.tidemark, "watch", scene.ledgers, "--server",
                                          f"http://127.0.0.1:{scene.server.http}", "--remove-ended"])
            wait_until("watch", lambda: "watching" in scene.log("watch"), 20)
            services = (leaky, slow, fixed)
            for service in services:
                scene.start_service(service)
            scene.start_load(services)
            check_names(scene, services, checks)
            watch_survivors(scene, leaky, slow, fixed, checks)
            check_commands(scene, leaky, checks)
            check_ends(scene, leaky, (slow, fixed), watch, checks)
        finally:
            scene.stop()
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
