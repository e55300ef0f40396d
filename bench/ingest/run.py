#!/usr/bin/env python3
"""Spans and metric points a second per core at ingest, and the server's resident memory meanwhile.

    run.py --tidemark PATH [--seconds 5] [--rounds 3]

Starts a server on free ports of 127.0.0.1, sends ready-made OTLP/HTTP bodies from 32 connections as fast as it answers, and
divides what was acknowledged by the CPU time the server used (/proc/PID/stat, all its threads): a figure that does not depend on how
many cores there are. Medians of the rounds. Acknowledged means summarised for spans and on disk for points.
"""
import argparse
import concurrent.futures
import http.client
import os
import pathlib
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")
BATCH = 1000      # items a body: twice the SDKs' default of 512, so that bodies and not calls are measured
INSTANCES = 50    # senders that take turns
CONNECTIONS = 32  # at once: points are answered after a group commit, which many calls share
BODIES = 400      # prepared before the clock starts


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, body):
    body = body.encode() if isinstance(body, str) else body
    return varint(number << 3 | 2) + varint(len(body)) + body


def fixed64(number, value):
    return varint(number << 3 | 1) + struct.pack("<Q", value)


def attribute(key, value):
    return field(1, key) + field(2, field(1, value))


def resource(instance):
    pairs = {"service.name": "bench", "service.version": "1.0", "service.instance.id": f"i{instance}"}
    return field(1, b"".join(field(1, attribute(k, v)) for k, v in pairs.items()))


def spans_body(instance, first, now_ns):
    spans = b""
    for i in range(first, first + BATCH):
        end = now_ns + i * 1000
        spans += field(2, field(1, struct.pack(">QQ", 1, i + 1)) + field(2, struct.pack(">Q", i + 1)) + field(5, "GET /checkout")
                       + b"\x30\x02" + fixed64(7, end - 5_000_000) + fixed64(8, end)
                       + field(9, attribute("http.route", f"/route{i % 20}")) + field(9, attribute("http.request.method", "GET")))
    return field(1, resource(instance) + field(2, spans))


def points_body(instance, first, now_ns):
    metrics = b""
    for i in range(BATCH):
        at = now_ns + (first // BATCH) * 1_000_000_000
        point = fixed64(3, at) + varint(4 << 3 | 1) + struct.pack("<d", float(i)) + field(7, attribute("pool", f"p{i % 50}"))
        metrics += field(2, field(1, f"bench.metric.{i // 50}") + field(3, "By") + field(5, field(1, point)))
    return field(1, resource(instance) + field(2, metrics))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, tidemark):
        self.port, api, grpc = free_port(), free_port(), free_port()
        self.data = tempfile.TemporaryDirectory(prefix="tidemark-bench-")
        self.process = subprocess.Popen([tidemark, "serve", "--data", self.data.name, "--grpc-port", str(grpc), "--http-port",
                                         str(self.port), "--api-port", str(api)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", api, timeout=5)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("the server did not come up")

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.data.cleanup()


def send(server, path, bodies, deadline):
    """Sends bodies one after another until they or the time are used up; (bodies, bytes) acknowledged."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    sent = size = 0
    for body in bodies:
        if time.monotonic() > deadline:
            break
        connection.request("POST", path, body, {"Content-Type": "application/x-protobuf"})
        reply = connection.getresponse()
        reply.read()
        if reply.status == 200:
            sent, size = sent + 1, size + len(body)
        elif reply.status not in (429, 503):
            raise RuntimeError(f"{path}: HTTP {reply.status}")
    return sent, size


def measure(server, path, make_body, seconds):
    """(items acknowledged, server CPU seconds, wall seconds, bytes sent) of one round."""
    now_ns = time.time_ns()
    bodies = [make_body(i % INSTANCES, i * BATCH, now_ns) for i in range(BODIES)]
    cpu, began = server.cpu_seconds(), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        parts = [pool.submit(send, server, path, bodies[c::CONNECTIONS], began + seconds) for c in range(CONNECTIONS)]
        sent = [part.result() for part in parts]
    wall = time.monotonic() - began
    return sum(n for n, _ in sent) * BATCH, server.cpu_seconds() - cpu, wall, sum(b for _, b in sent)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tidemark", required=True)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{'items':8} {'per CPU second':>15} {'per second':>12} {'MB/s':>7} {'RSS MiB':>8}   medians of {arguments.rounds}")
    for name, path, make_body in (("spans", "/v1/traces", spans_body), ("points", "/v1/metrics", points_body)):
        rounds = []
        for _ in range(arguments.rounds):
            server = Server(arguments.tidemark)
            try:
                items, cpu, wall, size = measure(server, path, make_body, arguments.seconds)
                rounds.append((items / max(cpu, 1 / TICKS), items / wall, size / wall / 1e6, server.resident_mib()))
            finally:
                server.stop()
        figures = [statistics.median(column) for column in zip(*rounds)]
        print(f"{name:8} {figures[0]:15,.0f} {figures[1]:12,.0f} {figures[2]:7.1f} {figures[3]:8.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
