"""Hostile calls to OTLP/gRPC. Each method sends one and returns (observed, problem or '')."""
import gzip

import grpc

import bodies
import harness
import http2
import http_attacks
import otlp

OK, INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = 0, 3, 8, 12, 13
DETAILS = "grpc-status-details-bin"


class OtlpGrpc:
    light = ("cut_off", "flipped", "flipped_gzip", "invalid_wire_type", "random_bytes", "json_body", "not_gzip",
             "truncated_gzip", "gzip_of_malformed", "huge_labels", "nested_values", "unknown_method", "unknown_coding",
             "declared_oversize", "cut_off_message", "cut_off_prefix", "no_message", "wrong_flag", "wrong_content_type",
             "giant_header", "wrong_http")
    heavy = ("bomb", "undeclared_bomb", "real_oversize")

    def __init__(self, port):
        self.port = port
        self.channel = grpc.insecure_channel(
            f"127.0.0.1:{port}", options=[("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)])

    def send(self, body, allowed, signal="metrics", method=None, compression=None):
        """A call by the gRPC library."""
        try:
            harness.grpc_call(self.channel, method or otlp.GRPC_METHOD[signal])(body, timeout=60, compression=compression)
            code, details = OK, None
        except grpc.RpcError as error:
            code = error.code().value[0]
            details = dict(error.trailing_metadata() or ()).get(DETAILS)
        return self.judge(code, allowed, details)

    def send_raw(self, message, allowed, path=otlp.GRPC_METHOD["metrics"], **options):
        """A call that no library sends. None in `allowed`: the connection may end without a status."""
        try:
            return self.judge(http2.call(self.port, path, message, **options), allowed)
        except http2.Closed as error:
            return "closed", "" if None in allowed else str(error)

    @staticmethod
    def judge(code, allowed, details=None):
        problem = "" if code in allowed else f"expected one of {sorted(filter(None, allowed))}"
        if details:
            inner, message, types = otlp.read_status(details, False)
            if inner != code or not message:
                problem = f"status {code} with details of code {inner} and message '{message}'"
            if types:
                problem = f"a refusal for good invites to retry: {types}"
        return f"code {code}", problem

    def cut_off(self, rng):
        signal = rng.choice(("metrics", "traces"))
        return self.send(bodies.truncated(rng, bodies.valid(rng, signal)), {INVALID_ARGUMENT}, signal)

    def flipped(self, rng):
        signal = rng.choice(("metrics", "traces"))
        body = bodies.bit_flipped(rng, bodies.valid(rng, signal))
        return self.send(body, {INVALID_ARGUMENT} if otlp.is_malformed(body, signal) else {OK, INVALID_ARGUMENT}, signal)

    def flipped_gzip(self, rng):
        body = bodies.bit_flipped(rng, gzip.compress(bodies.valid(rng, "metrics")))
        allowed = {INVALID_ARGUMENT, RESOURCE_EXHAUSTED} if bodies.is_broken_gzip(body) else {OK, INVALID_ARGUMENT}
        return self.send_raw(http2.message(body, compressed=True), allowed, encoding="gzip")

    def invalid_wire_type(self, rng):
        return self.send(bodies.invalid_wire_type(rng, "metrics"), {INVALID_ARGUMENT})

    def random_bytes(self, rng):
        body = rng.randbytes(rng.randrange(1, 5000))
        return self.send(body, {INVALID_ARGUMENT} if otlp.is_malformed(body, "metrics") else {OK, INVALID_ARGUMENT})

    def json_body(self, rng):
        return self.send(bodies.deep_json(rng), {INVALID_ARGUMENT})

    def not_gzip(self, rng):
        body = b"\x0f" + rng.randbytes(200)  # neither gzip nor, with wire type 7, a message
        return self.send_raw(http2.message(body, compressed=True), {INVALID_ARGUMENT}, encoding="gzip")

    def truncated_gzip(self, rng):
        body = bodies.truncated(rng, gzip.compress(bodies.valid(rng, "metrics")))
        return self.send_raw(http2.message(body, compressed=True), {INVALID_ARGUMENT}, encoding="gzip")

    def gzip_of_malformed(self, rng):
        body = bodies.truncated(rng, bodies.valid(rng, "metrics"))
        return self.send(body, {INVALID_ARGUMENT}, compression=grpc.Compression.Gzip)

    def huge_labels(self, rng):
        return self.send(bodies.huge_labels(rng), {OK})  # cut or refused in part, and said so

    def nested_values(self, rng):
        return self.send(bodies.nested_values(rng), {OK, INVALID_ARGUMENT})

    def unknown_method(self, rng):
        method = rng.choice(("/a.B/C", "/opentelemetry.proto.collector.metrics.v1.MetricsService/Exports", "/", "/x" * 1000))
        return self.send(bodies.valid(rng, "metrics"), {UNIMPLEMENTED}, method=method)

    def unknown_coding(self, rng):
        message = http2.message(b"\x0f" + rng.randbytes(100), compressed=True)
        return self.send_raw(message, {INVALID_ARGUMENT, UNIMPLEMENTED, INTERNAL}, encoding=rng.choice(("br", "snappy", "zstd")))

    def declared_oversize(self, rng):
        declared = rng.choice((bodies.LIMIT_BYTES + 1, 0x7FFFFFFF, 0xFFFFFFFF))
        # Too large and, as the body ends after 1,000 bytes, cut short: either may be said.
        return self.send_raw(http2.message(b"0" * 1000, declared=declared), {RESOURCE_EXHAUSTED, INVALID_ARGUMENT})

    def cut_off_message(self, rng):
        body = bodies.valid(rng, "metrics")
        return self.send_raw(http2.message(body, declared=len(body) + 100), {INVALID_ARGUMENT, INTERNAL})

    def cut_off_prefix(self, rng):
        return self.send_raw(rng.randbytes(rng.randrange(1, 5)), {INVALID_ARGUMENT, INTERNAL})

    def no_message(self, _):
        return self.send_raw(b"", {INVALID_ARGUMENT})

    def wrong_flag(self, rng):
        body = bodies.valid(rng, "metrics")
        # The gRPC library (1.51) hands such a message over as an empty one, which OTLP has answered with success.
        # Nothing of it is kept; no sender that frames its messages rightly is concerned.
        message = bytes([rng.randrange(2, 256)]) + http2.message(body)[1:]
        return self.send_raw(message, {OK, INVALID_ARGUMENT, INTERNAL})

    def wrong_content_type(self, rng):
        message = http2.message(bodies.truncated(rng, bodies.valid(rng, "metrics")))
        return self.send_raw(message, {INVALID_ARGUMENT, INTERNAL, UNIMPLEMENTED, None},
                             content_type=rng.choice(("text/plain", "application/json", "application/x-protobuf")))

    def giant_header(self, rng):
        extra = [("x-giant", "a" * rng.randrange(64_000, 500_000))]
        message = http2.message(bodies.valid(rng, "metrics"))
        return self.send_raw(message, {RESOURCE_EXHAUSTED, INTERNAL}, extra=extra)

    def wrong_http(self, rng):
        line = rng.choice((b"POST /v1/metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345", rng.randbytes(500),
                           b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + rng.randbytes(500), b"GET / HTTP/1.0\r\n\r\n"))
        return http_attacks.expect(http_attacks.raw(self.port, line), {0, 400, 404, 405, 415, 505})

    def bomb(self, _):
        return self.send_raw(http2.message(bodies.bomb(), compressed=True), {RESOURCE_EXHAUSTED}, encoding="gzip")

    def undeclared_bomb(self, _):
        return self.send(bodies.bomb(), {RESOURCE_EXHAUSTED, INVALID_ARGUMENT})

    def real_oversize(self, _):
        return self.send(bodies.oversized(), {RESOURCE_EXHAUSTED})
