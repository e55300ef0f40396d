#!/usr/bin/env python3
"""Unmodified OpenTelemetry SDKs against `tidemark serve`: what they sent is what the API returns. See README.md."""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
VERSION = "3.2.1"
READY_SECONDS = 60
CLIENT_SECONDS = 60
ANSWER_SECONDS = 10
CASES = [(language, protocol, compression)
         for language in ("go", "java", "node", "python")
         for protocol, compression in (("grpc", ""), ("http/protobuf", ""), ("http/protobuf", "gzip"),
                                       ("http/json", ""))
         if protocol != "http/json" or language == "node"]


class Mismatch(Exception):
    """What came back is not what was sent."""


# Clients: each is copied to the work directory and built there once for each state of its sources.

def fingerprint(folder):
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


BUILD = {
    "go": [["go", "build", "-o", "client", "."]],
    "java": [["mvn", "-q", "-B", "process-classes"]],
    "node": [["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]],
    "python": [[sys.executable, "-m", "venv", "venv"],
               ["venv/bin/pip", "install", "-q", "-r", "requirements.txt"]],
}


def build(language, work):
    folder, stamp = work / language, work / f"{language}.stamp"
    wanted = fingerprint(HERE / language)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE / language, folder)
    for command in BUILD[language]:
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{language}: {' '.join(command)}: {done.stdout[-2000:]}")
    stamp.write_text(wanted)


def client_command(language, work, protocol):
    folder = work / language
    return {
        "go": [folder / "client", protocol],
        "java": ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{folder}/target/classes:{folder}/target/lib/*",
                 "tidemark.e2e.Main"],
        "node": ["node", folder / "main.js", protocol],
        "python": [folder / "venv/bin/python", folder / "main.py", protocol],
    }[language]


# The server.

def free_ports(number):
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Server:
    """`tidemark serve` on free ports with a data directory of its own."""

    def __init__(self, tidemark, work, data):
        self.grpc, self.http, self.api = free_ports(3)
        self.log_path = work / "server.log"
        self.log = open(self.log_path, "w")
        self.process = subprocess.Popen(
            [tidemark, "serve", "--data", data, "--grpc-port", str(self.grpc), "--http-port", str(self.http),
             "--api-port", str(self.api)], stdout=self.log, stderr=subprocess.STDOUT)

    def wait_until_ready(self):
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.api}/readyz", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"not ready after {READY_SECONDS} s or gone; its log:\n{self.log_path.read_text()[-3000:]}")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def get(self, path, **params):
        url = f"http://127.0.0.1:{self.api}/api/v1/{path}?{urllib.parse.urlencode(params)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Mismatch(f"GET {url}: {error.code} {error.read().decode(errors='replace')}") from error


# Comparison.

def equal(what, got, sent):
    if got != sent:
        raise Mismatch(f"{what}: the API returns {got}, sent was {sent}")


def compare_target(server, service, instance):
    found = [(each["service"], each["version"], each["instance"])
             for each in server.get("targets")["targets"] if each["service"] == service]
    equal("targets", found, [(service, VERSION, instance)])


def compare_spans(server, service, spans):
    """A row of the API stands for a route, or for a span name where the spans have no route."""
    answer = server.get("spans", service=service)
    got = {each["route"] or each["name"]: (each["ended"], each["errors"]) for each in answer["routes"]}
    sent = {each["route"] or each["name"]: (each["count"], each["errors"]) for each in spans}
    equal("spans by route, (ended, errors)", got, sent)
    equal("rows of spans", len(answer["routes"]), len(spans))
    equal("spans in total", answer["total_ended"], sum(each["count"] for each in spans))


def compare_metrics(server, service, instance, metrics):
    def key(attributes):
        return tuple(sorted(attributes.items()))
    for name in sorted({each["name"] for each in metrics}):
        answer = server.get("series", service=service, metric=name, by="instance")
        equal(f"instances of {name}", {each["instance"] for each in answer["series"]}, {instance})
        got = {key(each["attributes"]): sorted({value for _, value in each["points"]})
               for each in answer["series"]}
        sent = {key(each["attributes"]): [each["value"]] for each in metrics if each["name"] == name}
        equal(f"values of {name}", got, sent)


def compare(server, service, instance, sent):
    """Retries: spans are acknowledged before the API shows them."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            compare_target(server, service, instance)
            compare_spans(server, service, sent["spans"])
            return compare_metrics(server, service, instance, sent["metrics"])
        except Mismatch:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def run_case(server, work, run, language, protocol, compression):
    service = "-".join(filter(None, ["sdk", language, protocol.replace("/", "-"), compression, run]))
    instance = f"{language}-{run}"
    port = server.grpc if protocol == "grpc" else server.http
    environment = dict(os.environ,
                       OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}",
                       OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
                       OTEL_SERVICE_NAME=service,
                       OTEL_RESOURCE_ATTRIBUTES=f"service.version={VERSION},service.instance.id={instance}",
                       OTEL_LOGS_EXPORTER="none")
    if compression:
        environment["OTEL_EXPORTER_OTLP_COMPRESSION"] = compression
    done = subprocess.run(client_command(language, work, protocol), env=environment, capture_output=True, text=True,
                          timeout=CLIENT_SECONDS)
    if done.returncode != 0 or not done.stdout.strip():
        raise Mismatch(f"the client failed with {done.returncode}: {done.stderr[-1500:]}")
    sent = json.loads(done.stdout.strip().splitlines()[-1])
    compare(server, service, instance, sent)
    return sum(each["count"] for each in sent["spans"]), len(sent["metrics"])


def run_cases(server, work, cases):
    run = format(int(time.time()), "x")
    passed = 0
    for language, protocol, compression in cases:
        title = " ".join(filter(None, [language, protocol, compression]))
        began = time.monotonic()
        try:
            spans, series = run_case(server, work, run, language, protocol, compression)
            print(f"ok    {title}: {spans} spans, {series} series, {time.monotonic() - began:.1f} s", flush=True)
            passed += 1
        except (Mismatch, subprocess.TimeoutExpired, KeyError, ValueError) as error:
            print(f"FAIL  {title}: {type(error).__name__}: {error}", flush=True)
    print(f"{passed} passed, {len(cases) - passed} failed")
    return 0 if passed == len(cases) else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tidemark", required=True, help="the program under test")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/e2e-sdk", help="built clients, logs")
    parser.add_argument("--only", default="", help="regular expression on 'language protocol compression'")
    parser.add_argument("--build-only", action="store_true", help="build the clients and stop")
    options = parser.parse_args()
    cases = [case for case in CASES if re.search(options.only, " ".join(case))]
    if not cases:
        parser.error(f"--only {options.only!r} matches none of {[' '.join(case) for case in CASES]}")
    options.work.mkdir(parents=True, exist_ok=True)
    languages = sorted({language for language, _, _ in cases})
    try:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda language: build(language, options.work.resolve()), languages))
    except (OSError, RuntimeError) as error:
        sys.exit(f"a client cannot be built: {error}")
    if options.build_only:
        return 0
    with tempfile.TemporaryDirectory(prefix="tidemark-e2e-") as data:
        server = Server(options.tidemark, options.work, data)
        try:
            server.wait_until_ready()
            return run_cases(server, options.work.resolve(), cases)
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
