"""Hostile requests to OTLP/HTTP and to the API. Each method sends one and returns (observed, problem or '')."""
import gzip
import http.client
import json
import socket

import bodies
import otlp

PROTOBUF, JSON = "application/x-protobuf", "application/json"
TIMEOUT_SECONDS = 30


def request(port, method, path, body=b"", content_type=PROTOBUF, headers=()):
    """(status, headers, body) over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        given = dict(headers)
        if content_type:
            given["Content-Type"] = content_type
        connection.request(method, path, body, given)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def raw(port, *pieces):
    """The status line's code for bytes written as they are; 0 when the server closes without an answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused half-way; the answer may be waiting
        except OSError as error:
            if error.errno != 107:  # ENOTCONN: closed by the peer already
                raise
        answer = b""
        try:
            while b"\r\n" not in answer:
                more = connection.recv(4096)
                if not more:
                    break
                answer += more
        except ConnectionResetError:
            pass
    words = answer.split(b" ", 2)
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


def expect(status, allowed):
    return str(status) if status else "closed", "" if status in allowed else f"expected one of {sorted(allowed)}"


def chunked(body):
    """`body` as chunks of 1 MiB, so that no length is announced."""
    for at in range(0, len(body), 1 << 20):
        piece = body[at:at + (1 << 20)]
        yield b"%x\r\n" % len(piece) + piece + b"\r\n"
    yield b"0\r\n\r\n"


class Transport:
    """Requests that are wrong before a body is looked at; the same on both ports."""

    def __init__(self, port, path):
        self.port, self.path = port, path

    def head(self, *lines):
        return "\r\n".join([f"POST {self.path} HTTP/1.1", "Host: a", f"Content-Type: {PROTOBUF}", *lines, "", ""]).encode()

    def wrong_http(self, rng):
        line = rng.choice((b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(64), b"GET\r\n\r\n",
                           b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"POST  HTTP/9.9\r\n\r\n", b"\r\n" * 50,
                           b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", rng.randbytes(200) + b"\r\n\r\n",
                           b"POST / HTTP/1.1\r\nHost a\r\n\r\n"))
        return expect(raw(self.port, line), {0, 400, 404, 405})

    def giant_header(self, rng):
        line = f"X-Giant: {'a' * rng.randrange(20_000, 2_000_000)}"
        return expect(raw(self.port, self.head(line)), {0, 431})

    def many_headers(self, _):
        return expect(raw(self.port, self.head(*(f"X-{index}: a" for index in range(20_000)))), {0, 431})

    def wrong_length(self, rng):
        value = rng.choice(("-1", "abc", "18446744073709551616", "5, 6", "0x10"))
        return expect(raw(self.port, self.head(f"Content-Length: {value}"), b"12345"), {0, 400, 413})

    def two_lengths(self, _):
        head = self.head("Content-Length: 5", "Transfer-Encoding: chunked")
        return expect(raw(self.port, head, b"0\r\n\r\n"), {0, 400, 415})

    def wrong_chunks(self, rng):
        chunks = rng.choice((b"zz\r\nabc\r\n", b"ffffffffffffffffff\r\nabc", b"5\r\nab", b"-1\r\n\r\n"))
        return expect(raw(self.port, self.head("Transfer-Encoding: chunked"), chunks), {0, 400, 413})

    def half_body(self, rng):
        return expect(raw(self.port, self.head("Content-Length: 1000"), rng.randbytes(500)), {0, 400})

    def declared_oversize(self, rng):
        size = rng.choice((bodies.LIMIT_BYTES + 1, 1 << 40, (1 << 63) - 1))
        return expect(raw(self.port, self.head(f"Content-Length: {size}"), b"0" * 1000), {413})

    def real_oversize(self, _):
        return expect(raw(self.port, self.head("Transfer-Encoding: chunked"), *chunked(bodies.oversized())), {413})

    light = ("wrong_http", "giant_header", "many_headers", "wrong_length", "two_lengths", "wrong_chunks", "half_body",
             "declared_oversize")


class OtlpHttp(Transport):
    light = Transport.light + (
        "cut_off", "flipped", "flipped_gzip", "invalid_wire_type", "random_bytes", "wrong_content_type",
        "unknown_coding", "not_gzip", "truncated_gzip", "gzip_of_malformed", "broken_json", "deep_json", "flipped_json",
        "huge_labels", "nested_values", "wrong_method", "wrong_path")
    heavy = ("bomb", "json_bomb", "real_oversize")

    def __init__(self, port):
        super().__init__(port, "/v1/metrics")

    def send(self, body, allowed, signal="metrics", content_type=PROTOBUF, headers=()):
        status, given, answer = request(self.port, "POST", otlp.HTTP_PATH[signal], body, content_type, headers)
        observed, problem = expect(status, allowed)
        if not problem and status in (400, 413):
            problem = self.wrong_status(status, given, answer, content_type)
        return observed, problem

    @staticmethod
    def wrong_status(status, given, answer, content_type):
        """A refusal carries google.rpc.Status in the request's encoding; nothing invites to retry."""
        if given["Content-Type"] != content_type:
            return f"Content-Type {given['Content-Type']} for a request in {content_type}"
        try:
            code, message, details = otlp.read_status(answer, content_type == JSON)
        except (ValueError, KeyError, otlp.Malformed, otlp.Undecided) as error:
            return f"no google.rpc.Status: {error!r} in {answer[:200]!r}"
        if code != {400: 3, 413: 8}[status] or not message:
            return f"HTTP {status} with code {code} and message '{message}'"
        if details or "Retry-After" in given:
            return f"a refusal for good invites to retry: {details} {given['Retry-After']}"
        return ""

    def cut_off(self, rng):
        signal = rng.choice(("metrics", "traces"))
        return self.send(bodies.truncated(rng, bodies.valid(rng, signal)), {400}, signal)

    def flipped(self, rng):
        signal = rng.choice(("metrics", "traces"))
        body = bodies.bit_flipped(rng, bodies.valid(rng, signal))
        return self.send(body, {400} if otlp.is_malformed(body, signal) else {200, 400}, signal)

    def flipped_gzip(self, rng):
        body = bodies.bit_flipped(rng, gzip.compress(bodies.valid(rng, "metrics")))
        allowed = {400, 413} if bodies.is_broken_gzip(body) else {200, 400}
        return self.send(body, allowed, headers=[("Content-Encoding", "gzip")])

    def invalid_wire_type(self, rng):
        return self.send(bodies.invalid_wire_type(rng, "metrics"), {400})

    def random_bytes(self, rng):
        body = rng.randbytes(rng.randrange(1, 5000))
        return self.send(body, {400} if otlp.is_malformed(body, "metrics") else {200, 400})

    def wrong_content_type(self, rng):
        content_type = rng.choice(("", "text/plain", "application/grpc", "application/xml", "a" * 5000, ";;;",
                                   "application/x-protobuffer"))
        return self.send(bodies.valid(rng, "metrics"), {415}, content_type=content_type)

    def unknown_coding(self, rng):
        coding = rng.choice(("br", "deflate", "zstd", "gzip, gzip", "nonsense"))
        return self.send(bodies.valid(rng, "metrics"), {400}, headers=[("Content-Encoding", coding)])

    def not_gzip(self, rng):
        return self.send(bodies.valid(rng, "metrics"), {400}, headers=[("Content-Encoding", "gzip")])

    def truncated_gzip(self, rng):
        body = bodies.truncated(rng, gzip.compress(bodies.valid(rng, "metrics")))
        return self.send(body, {400}, headers=[("Content-Encoding", "gzip")])

    def gzip_of_malformed(self, rng):
        body = gzip.compress(bodies.truncated(rng, bodies.valid(rng, "metrics")))
        return self.send(body, {400}, headers=[("Content-Encoding", "gzip")])

    def broken_json(self, rng):
        return self.send(bodies.broken_json(rng), {400}, content_type=JSON)

    def deep_json(self, rng):
        return self.send(bodies.deep_json(rng), {400}, content_type=JSON)

    def flipped_json(self, rng):
        body = bodies.bit_flipped(rng, bodies.valid_json(rng))
        return self.send(body, {400} if bodies.is_broken_json(body) else {200, 400}, content_type=JSON)

    def huge_labels(self, rng):
        return self.send(bodies.huge_labels(rng), {200})  # cut or refused in part, and said so

    def nested_values(self, rng):
        return self.send(bodies.nested_values(rng), {200, 400})

    def wrong_method(self, rng):
        status, given, _ = request(self.port, rng.choice(("GET", "PUT", "DELETE", "PATCH")), self.path)
        observed, problem = expect(status, {405})
        return observed, problem or ("" if given["Allow"] == "POST" else f"Allow: {given['Allow']}")

    def wrong_path(self, rng):
        path = rng.choice(("/", "/v1", "/v1/metrics/x", "/v1/%6detrics%00", "/../../etc/passwd", "/v1experimental/profiles"))
        return expect(request(self.port, "POST", path, bodies.valid(rng, "metrics"))[0], {404, 400})

    def bomb(self, _):
        return self.send(bodies.bomb(), {413}, headers=[("Content-Encoding", "gzip")])

    def json_bomb(self, _):
        return self.send(bodies.bomb(), {413}, content_type=JSON, headers=[("Content-Encoding", "gzip")])


class Api(Transport):
    light = Transport.light + (
        "broken_json", "deep_json", "wrong_keys", "random_bytes", "large_body", "wrong_parameter", "wrong_value",
        "no_metric", "wrong_percent", "quoting", "long_parameter", "wrong_method", "wrong_path", "climbing_path", "bomb")
    heavy = ("real_oversize",)

    def __init__(self, port):
        super().__init__(port, "/api/v1/captures")

    def ask(self, method, path, allowed, body=b"", headers=()):
        status, given, answer = request(self.port, method, path, body, JSON if body else "", headers)
        observed, problem = expect(status, allowed)
        if not problem and given["Content-Type"] == JSON and status >= 400:
            error = json.loads(answer)["error"]
            problem = "" if error["code"] and error["message"] else f"an empty error: {answer[:200]!r}"
        if b"root:" in answer:
            problem = "the answer shows a file of the system"
        return observed, problem

    def post(self, body, allowed, headers=()):
        return self.ask("POST", self.path, allowed, body, headers)

    def broken_json(self, rng):
        return self.post(rng.choice((b"{", b"nul", b"{'service':1}", b'{"service":"a"', b"[]", b"7", b'{"service":"\xff"}')),
                         {400})

    def deep_json(self, rng):
        return self.post(bodies.deep_json(rng)[:rng.randrange(500, 100_000)], {400, 413})

    def wrong_keys(self, rng):
        return self.post(rng.choice((b'{"service":7}', b'{"service":null}', b'{"service":["a"]}', b'{"service":"a","instance":{}}',
                                     b'{"instance":"a"}', b'{"service":"no such service"}')), {400, 404})

    def random_bytes(self, rng):
        return self.post(rng.randbytes(rng.randrange(1, 4000)), {400})

    def large_body(self, rng):
        return self.post(b'{"service":"' + b"a" * rng.randrange(5000, 300_000) + b'"}', {413})

    def bomb(self, _):
        return self.post(bodies.bomb(), {413}, headers=[("Content-Encoding", "gzip")])

    def wrong_parameter(self, rng):
        path = rng.choice(("series?metric=heap&servce=a", "targets?x=1", "profile?services=a", "growth?from=1&form=2"))
        return self.ask("GET", f"/api/v1/{path}", {400})

    def wrong_value(self, rng):
        path = rng.choice(("series?metric=heap&from=yesterday", "series?metric=heap&by=planet", "series?metric=heap&step=-5m",
                           "growth?by=%27", "profile?from=99999999999999999999999", "profile?service=a&format=exe",
                           "series?metric=heap&to=1e400"))
        return self.ask("GET", f"/api/v1/{path}", {400, 404})

    def no_metric(self, _):
        return self.ask("GET", "/api/v1/series?service=a", {400})

    def wrong_percent(self, rng):
        return self.ask("GET", rng.choice(("/api/v1/series?metric=%zz", "/api/v1/%", "/%f", "/api/v1/series?metric=%2")), {400})

    def quoting(self, rng):
        text = rng.choice(("%27%20OR%201=1--", "%27;DROP%20TABLE%20points;--", "%7Btable:points%7D", "%00", "%ff%fe", "%22"))
        return self.ask("GET", f"/api/v1/series?metric=heap&service={text}", {200, 400})

    def long_parameter(self, rng):
        return self.ask("GET", f"/api/v1/series?metric=heap&service={'a' * rng.randrange(1000, 12_000)}", {200, 400})

    def wrong_method(self, rng):
        return self.ask(rng.choice(("PUT", "DELETE", "PATCH")), "/api/v1/targets", {405})

    def wrong_path(self, rng):
        path = rng.choice(("/api/v1", "/api/v2/series", "/api/v1/incidents/none", "/api/v1/captures/none/profile", "/api/v1/targets/x"))
        return self.ask("GET", path, {404})

    def climbing_path(self, rng):
        path = rng.choice(("/../../../../etc/passwd", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2f..%2fetc/passwd",
                           "//etc/passwd", "/assets/../../../../etc/passwd"))
        return self.ask("GET", path, {200, 400, 404})
