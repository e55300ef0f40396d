#!/usr/bin/env python3
"""Hostile bodies to every port of `tidemark serve` beside valid senders. See README.md."""
import argparse
import collections
import http.client
import pathlib
import random
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "common"))
import harness  # noqa: E402
import otlp  # noqa: E402

harness.require_grpc()
import grpc  # noqa: E402
import bodies  # noqa: E402
import grpc_attacks  # noqa: E402
import http_attacks  # noqa: E402

MIB = 1 << 20
WARM_UP_SHARE = 5  # one in so many of the cases comes before the measurement
HEAVY_PER_KIND = 6  # of 1,000 cases; each costs the server 64 MiB
HEAVY_AT_ONCE = 2
THREADS_PER_PORT = 2
GROWTH_BYTES = 64 * MIB  # of the resident memory, after the warm-up
# A body being inflated needs 64 MiB and, while its buffer doubles, 32 MiB more; one over gRPC lies in the library's
# slices and in one piece for a moment. Twice 64 MiB for each, and once for what the allocator gives back late. A bomb
# without a limit would need 1,024 MiB.
PEAK_BYTES = HEAVY_AT_ONCE * 3 * bodies.LIMIT_BYTES
SETTLE_SECONDS = 15
VALID_SERVICE = "valid-sender"
RETRY_SECONDS = 30


class ValidSender(threading.Thread):
    """One point a request until told to stop; retries what it is asked to retry, as an SDK does."""

    def __init__(self, server, transport, base_ms):
        super().__init__(daemon=True)
        self.server, self.transport, self.base_ms = server, transport, base_ms
        self.metric, self.stop = f"valid.{transport}", threading.Event()
        self.acknowledged, self.retries, self.problem = {}, 0, ""

    def run(self):
        export = self.http if self.transport == "http" else self.grpc
        if self.transport == "http":
            self.poster = harness.Poster(self.server.http)
        else:
            channel = grpc.insecure_channel(f"127.0.0.1:{self.server.grpc}")
            self.call = harness.grpc_call(channel, otlp.GRPC_METHOD["metrics"])
        sequence = 0
        while not self.stop.is_set() and not self.problem:
            sequence += 1
            ms = self.base_ms + sequence
            body = otlp.metrics_request(VALID_SERVICE, self.transport, self.metric, [(ms * 1_000_000, float(sequence))])
            began = time.monotonic()
            while (refusal := export(body)) and time.monotonic() < began + RETRY_SECONDS:
                self.retries += 1
                self.stop.wait(0.05)
            if refusal:
                self.problem = refusal
            else:
                self.acknowledged[(self.transport, ms)] = float(sequence)

    def http(self, body):
        try:
            status = self.poster.post(otlp.HTTP_PATH["metrics"], body)
            return "" if status == 200 else f"HTTP {status}"
        except (OSError, http.client.HTTPException) as error:
            return repr(error)

    def grpc(self, body):
        try:
            self.call(body, timeout=30)
            return ""
        except grpc.RpcError as error:
            return f"{error.code()}: {error.details()}"


class Attack:
    """The cases of one port, taken one by one by a few threads."""
    heavy_slots = threading.Semaphore(HEAVY_AT_ONCE)

    def __init__(self, name, target, count, rng):
        self.name, self.target, self.lock = name, target, threading.Lock()
        heavy = [kind for _ in range(max(3, HEAVY_PER_KIND * count // 1000)) for kind in target.heavy]
        light = [target.light[index % len(target.light)] for index in range(max(count - len(heavy), len(target.light)))]
        # Every kind is met in the warm-up already, so that what it sets up once is not taken for growth.
        first = [*target.heavy, *target.heavy, *target.light]
        rest = heavy[2 * len(target.heavy):] + light[len(target.light):]
        rng.shuffle(rest)
        warm = max(len(first), count // WARM_UP_SHARE)
        kinds = [(kind, rng.randrange(1 << 63)) for kind in first + rest]
        self.phases = [kinds[:warm], kinds[warm:]]
        self.observed, self.problems, self.sent = collections.defaultdict(collections.Counter), [], 0

    def run(self, phase):
        left = iter(self.phases[phase])
        threads = [threading.Thread(target=self.work, args=(left,)) for _ in range(THREADS_PER_PORT)]
        for thread in threads:
            thread.start()
        return threads

    def work(self, left):
        while True:
            with self.lock:
                kind, seed = next(left, ("", 0))
            if not kind:
                return
            observed, problem = self.one(kind, random.Random(seed))
            with self.lock:
                self.sent += 1
                self.observed[kind][observed] += 1
                if problem:
                    self.problems.append(f"{self.name} {kind} (seed {seed}): {observed}: {problem}")

    def one(self, kind, rng):
        method = getattr(self.target, kind)
        try:
            if kind not in self.target.heavy:
                return method(rng)
            with self.heavy_slots:
                return method(rng)
        except (OSError, http.client.HTTPException) as error:
            return "error", repr(error)

    def report(self, checks):
        for kind, answers in sorted(self.observed.items()):
            print(f"      {self.name} {kind}: " + ", ".join(f"{count} x {each}" for each, count in answers.most_common()))
        for problem in self.problems[:20]:
            print(f"      {problem}")
        checks.that(not self.problems, f"{self.name}: {self.sent} hostile requests, {len(self.problems)} answered wrongly")


def run_phase(attacks, phase):
    for thread in [thread for attack in attacks for thread in attack.run(phase)]:
        thread.join()


def settled_memory(server, bound):
    """Resident bytes, once they are within the bound or time is up."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while (memory := server.memory("VmRSS")) > bound and time.monotonic() < deadline:
        time.sleep(0.1)
    return memory


def check_memory(server, attacks, checks):
    run_phase(attacks, 0)
    before = server.memory("VmRSS")
    server.reset_peak()
    run_phase(attacks, 1)
    peak = server.memory("VmHWM")
    after = settled_memory(server, before + GROWTH_BYTES)
    print(f"memory: {before // MIB} MiB after the warm-up, {after // MIB} MiB after all, peak {peak // MIB} MiB")
    checks.that(after <= before + GROWTH_BYTES,
                f"resident memory grew by {(after - before) / MIB:.1f} MiB; the bound is {GROWTH_BYTES // MIB} MiB")
    checks.that(peak <= before + PEAK_BYTES,
                f"its peak was {(peak - before) / MIB:.1f} MiB above; the bound is {PEAK_BYTES // MIB} MiB, for "
                f"{HEAVY_AT_ONCE} bodies of 64 MiB at once")


def check_valid(server, senders, begin_s, checks):
    for sender in senders:
        found = server.series(VALID_SERVICE, sender.metric, begin_s, begin_s + 86_400)
        lost = {key for key, value in sender.acknowledged.items() if found.get(key) != value}
        checks.that(not sender.problem and not lost and sender.acknowledged and len(found) == len(sender.acknowledged),
                    f"valid sender over {sender.transport}: {len(sender.acknowledged)} points acknowledged, {len(found)} "
                    f"found, {len(lost)} lost, {sender.retries} retries{'; ' + sender.problem if sender.problem else ''}")


def run(server, count, seed, checks):
    server.start()
    rng = random.Random(seed)
    begin_s = int(time.time()) - 7200
    senders = [ValidSender(server, transport, (begin_s + 600) * 1000) for transport in ("http", "grpc")]
    attacks = [Attack("otlp-grpc", grpc_attacks.OtlpGrpc(server.grpc), count, rng),
               Attack("otlp-http", http_attacks.OtlpHttp(server.http), count, rng),
               Attack("api", http_attacks.Api(server.api), count, rng)]
    bodies.bomb(), bodies.oversized()
    for sender in senders:
        sender.start()
    began = time.monotonic()
    check_memory(server, attacks, checks)
    print(f"{sum(attack.sent for attack in attacks)} hostile requests in {time.monotonic() - began:.1f} s")
    for sender in senders:
        sender.stop.set()
        sender.join(RETRY_SECONDS + 60)
    for attack in attacks:
        attack.report(checks)
    check_valid(server, senders, begin_s, checks)
    checks.that(server.process.poll() is None, "the server is the same process as before")
    checks.that(server.stop() == 0, "SIGTERM: the server ends with 0")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tidemark", required=True, help="the program under test")
    parser.add_argument("--count", type=int, default=1000, help="hostile requests to each port")
    parser.add_argument("--seed", type=int, default=None, help="of the requests; random when left out")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    checks = harness.Checks()
    with tempfile.TemporaryDirectory(prefix="tidemark-hostile-") as work:
        server = harness.Server(options.tidemark, f"{work}/data", f"{work}/server.log")
        try:
            run(server, options.count, seed, checks)
        except (RuntimeError, OSError) as error:
            checks.that(False, f"{error!r}, exit code {server.process and server.process.poll()}")
        finally:
            server.stop()
            if checks.failed:
                print(server.log_path.read_text(errors="replace")[-3000:])
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
