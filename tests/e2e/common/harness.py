"""What the tests here share: a server on free ports, gRPC in a virtual environment of its own, a count of checks."""
import hashlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
READY_SECONDS = 60


def require_grpc():
    """Runs the program again in a virtual environment with grpcio, which is made on first use."""
    work = ROOT / "build/e2e-grpc"
    wanted = hashlib.sha256((HERE / "requirements.txt").read_bytes()).hexdigest()
    venv, stamp = work / wanted[:16], work / f"{wanted[:16]}.stamp"
    python = venv / "bin/python"
    if pathlib.Path(sys.prefix) == venv:
        return
    if not stamp.exists():
        work.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r",
                        HERE / "requirements.txt"], check=True)
        stamp.touch()
    os.execv(python, [str(python), *sys.argv])


def grpc_call(channel, method):
    """A unary call of raw bytes."""
    return channel.unary_unary(method, request_serializer=lambda raw: raw, response_deserializer=lambda raw: raw)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Server:
    """`tidemark serve`; may be started again on the same data directory and ports."""

    def __init__(self, tidemark, data, log_path):
        self.tidemark, self.data, self.log_path = tidemark, data, pathlib.Path(log_path)
        self.grpc, self.http, self.api = free_ports(3)
        self.process = None

    def start(self):
        with open(self.log_path, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [self.tidemark, "serve", "--data", self.data, "--grpc-port", str(self.grpc), "--http-port",
                 str(self.http), "--api-port", str(self.api)], stdout=log, stderr=subprocess.STDOUT)
        began = time.monotonic()
        while time.monotonic() < began + READY_SECONDS and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.api}/readyz", timeout=5):
                    return time.monotonic() - began
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"not ready within {READY_SECONDS} s, exit code {self.process.poll()}; its log ends:\n"
                           f"{self.log_path.read_text(errors='replace')[-3000:]}")

    def kill(self):
        """SIGKILL: no handler runs, nothing is flushed."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """SIGTERM; the exit code, or None when it had to be killed."""
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else 0
        self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def fetch(self, path, **params):
        url = f"http://127.0.0.1:{self.api}{path}?{urllib.parse.urlencode(params)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"GET {url}: {error.code} {error.read()[:500]!r}") from error

    def series(self, service, metric, from_s, to_s):
        """{(instance, ms): value}; every point as stored."""
        answer = json.loads(self.fetch("/api/v1/series", service=service, metric=metric, by="instance",
                                       **{"from": from_s, "to": to_s}))
        return {(each["instance"], ms): value for each in answer["series"] for ms, value in each["points"]}

    def memory(self, key):
        """Bytes of a line of /proc/PID/status: VmRSS, VmHWM."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) << 10
        raise RuntimeError(f"no {key} of process {self.process.pid}")

    def reset_peak(self):
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")


class Poster:
    """OTLP/HTTP over one kept connection; not shared between threads."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def post(self, path, body):
        try:
            self.connection.request("POST", path, body, {"Content-Type": "application/x-protobuf"})
            answer = self.connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise


class Checks:
    """Counts; each check is printed with what was seen."""

    def __init__(self):
        self.passed = self.failed = 0

    def that(self, holds, text):
        self.passed += bool(holds)
        self.failed += not holds
        print(("ok    " if holds else "FAIL  ") + text, flush=True)

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0
