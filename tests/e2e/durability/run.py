#!/usr/bin/env python3
"""kill -9 of `tidemark serve` under load: after a restart everything that was acknowledged is there. See README.md."""
import argparse
import gzip
import http.client
import json
import pathlib
import random
import re
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "common"))
import harness  # noqa: E402
import otlp  # noqa: E402

harness.require_grpc()
import grpc  # noqa: E402

SERVICE = "durability"
POINTS_PER_REQUEST = 200
KILL_AFTER_SECONDS = (0.4, 2.5)  # after every sender has been answered once
FIRST_ANSWER_SECONDS = 60


class Sender(threading.Thread):
    """Sends without a pause until it is refused or the server is gone; notes what was sent and acknowledged.

    A sequence number is never used twice, so a witness cannot be satisfied by another round's data.
    """

    def __init__(self, ledger, server, transport):
        super().__init__(daemon=True)
        self.ledger, self.server, self.transport = ledger, server, transport
        self.answered, self.refusal = threading.Event(), ""

    def run(self):
        export = self.http() if self.transport == "http" else self.grpc()
        while True:
            items, body = self.ledger.next()
            try:
                refusal = export(body)
            except (OSError, http.client.HTTPException, grpc.RpcError) as error:
                code = error.code() if isinstance(error, grpc.RpcError) else None
                if code not in (None, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                    self.refusal = f"{code}: {error.details()}"
                break
            if refusal:
                self.refusal = refusal
                break
            self.ledger.acknowledge(items)
            self.answered.set()
        self.answered.set()

    def http(self):
        poster, path = harness.Poster(self.server.http), otlp.HTTP_PATH[self.ledger.signal]

        def export(body):
            status = poster.post(path, body)
            return "" if status == 200 else f"HTTP {status}"
        return export

    def grpc(self):
        channel = grpc.insecure_channel(f"127.0.0.1:{self.server.grpc}")
        call = harness.grpc_call(channel, otlp.GRPC_METHOD[self.ledger.signal])

        def export(body):
            call(body, timeout=30)
            return ""
        return export


class PointLedger:
    """Points of one metric: time and value both tell the sequence number."""
    signal = "metrics"

    def __init__(self, name, base_ms):
        self.name, self.base_ms, self.sequence = name, base_ms, 0
        self.sent, self.acknowledged = {}, {}

    def next(self):
        items = {}
        for _ in range(POINTS_PER_REQUEST):
            self.sequence += 1
            items[(self.name, self.base_ms + self.sequence)] = float(self.sequence)
        self.sent.update(items)
        points = [(ms * 1_000_000, value) for (_, ms), value in items.items()]
        return items, otlp.metrics_request(SERVICE, self.name, f"witness.{self.name}", points)

    def acknowledge(self, items):
        self.acknowledged.update(items)

    def found(self, server, begin_s, end_s):
        return server.series(SERVICE, f"witness.{self.name}", begin_s, end_s)


class ProfileLedger:
    """Profiles of one instance, each with a function of its own.

    A query gives the mean over the instance's n profiles, so a function that one profile has shows its value / n.
    """
    signal = "profiles"

    def __init__(self, name, _):
        self.name, self.sequence = name, 0
        self.sent, self.acknowledged = {}, {}

    def next(self):
        self.sequence += 1
        function, value = f"{self.name}_{self.sequence}", (1 << 30) + (self.sequence << 20)
        self.sent[function] = value
        return {function: value}, otlp.profiles_request(SERVICE, self.name, function, value, time.time_ns())

    def acknowledge(self, items):
        self.acknowledged.update(items)

    def found(self, server, begin_s, end_s):
        scope = {"service": SERVICE, "instance": self.name, "from": begin_s, "to": end_s}
        graph = json.loads(server.fetch("/api/v1/profile", format="json", **scope))
        pprof = gzip.decompress(server.fetch("/api/v1/profile", format="pprof", **scope))
        count = int(re.search(rb"profiles: (\d+)", pprof).group(1))
        found = {}
        for node in graph["nodes"]:
            function = graph["frames"][node["frame"]]["function"]
            if function in self.sent:
                # The mean is rounded to whole bytes, so value and mean * n differ by n / 2 at most.
                exact = abs(node["self"] * count - self.sent[function]) <= count
                found[function] = self.sent[function] if exact else node["self"] * count
            elif function != "main":
                found[function] = node["self"] * count
        if len(found) != count:
            raise RuntimeError(f"{self.name}: {count} profiles with {len(found)} functions; each had one of its own")
        return found


def run_round(server, ledgers, rng):
    """Load, then SIGKILL. Returns what the senders were refused, which is a fault here."""
    senders = [Sender(ledger, server, ledger.name.split("-")[1]) for ledger in ledgers]
    before = [len(ledger.acknowledged) for ledger in ledgers]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.answered.wait(FIRST_ANSWER_SECONDS)
    delay = rng.uniform(*KILL_AFTER_SECONDS)
    time.sleep(delay)
    running = sum(sender.is_alive() for sender in senders)
    server.kill()
    for sender in senders:
        sender.join(60)
    idle = [ledger.name for ledger, count in zip(ledgers, before) if len(ledger.acknowledged) == count]
    return delay, running, idle, [f"{each.ledger.name}: {each.refusal}" for each in senders if each.refusal]


def compare(server, ledgers, begin_s, checks, title):
    end_s = int(time.time()) + 3600
    for ledger in ledgers:
        found = ledger.found(server, begin_s, end_s)
        lost = [key for key, value in ledger.acknowledged.items() if found.get(key) != value]
        foreign = [key for key in found if key not in ledger.sent]
        wrong = [key for key in found if key in ledger.sent and found[key] != ledger.sent[key]]
        note = f", first lost {sorted(lost)[:3]}" if lost else ""
        checks.that(not lost and not foreign and not wrong,
                    f"{title}: {ledger.name} ({ledger.signal}): sent {len(ledger.sent)}, acknowledged "
                    f"{len(ledger.acknowledged)}, found {len(found)}, lost {len(lost)}, never sent {len(foreign)}, "
                    f"changed {len(wrong)}{note}")


def run(server, rounds, rng, checks):
    begin_s = int(time.time()) - 7200
    base_ms = (begin_s + 600) * 1000
    ledgers = [kind(f"{word}-{transport}-{index}", base_ms)
               for kind, word, counts in ((PointLedger, "points", 4), (ProfileLedger, "profiles", 3))
               for transport in ("http", "grpc") for index in range(counts)]
    for number in range(1, rounds + 1):
        delay, running, idle, refusals = run_round(server, ledgers, rng)
        print(f"round {number}: killed {delay:.2f} s after the first answers, {running} of {len(ledgers)} senders "
              "at work", flush=True)
        checks.that(running == len(ledgers) and not idle and not refusals,
                    f"round {number}: every sender was acknowledged and at work when the server was killed"
                    f"{'; without an answer: ' + str(idle) if idle else ''}{'; ' + str(refusals) if refusals else ''}")
        print(f"round {number}: ready again after {server.start():.2f} s", flush=True)
        compare(server, ledgers, begin_s, checks, f"round {number}")
    checks.that(server.stop() == 0, "SIGTERM: the server ends with 0")
    server.start()
    compare(server, ledgers, begin_s, checks, "after an orderly restart")
    return ledgers


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tidemark", required=True, help="the program under test")
    parser.add_argument("--rounds", type=int, default=3, help="how often it is killed")
    parser.add_argument("--seed", type=int, default=None, help="of the moments of the kills; random when left out")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    checks = harness.Checks()
    with tempfile.TemporaryDirectory(prefix="tidemark-durability-") as work:
        server = harness.Server(options.tidemark, f"{work}/data", f"{work}/server.log")
        try:
            server.start()
            ledgers = run(server, options.rounds, random.Random(seed), checks)
            for word in ("points", "profiles"):
                total = sum(len(each.acknowledged) for each in ledgers if each.name.startswith(word))
                print(f"{total} {word} acknowledged in {options.rounds} rounds")
        except RuntimeError as error:
            checks.that(False, str(error))
        finally:
            server.stop()
            if checks.failed:
                print(server.log_path.read_text(errors="replace")[-3000:])
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
