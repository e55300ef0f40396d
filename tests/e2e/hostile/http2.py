"""Just enough HTTP/2 to send one gRPC call that no client library would send, and to read its status.

One call a connection: the server's header compression then has nothing to refer back to, so that grpc-status arrives
as plain text. RFC 9113 (frames, flow control), RFC 7541 (header fields, without Huffman coding).
"""
import re
import socket
import struct

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
FRAME_BYTES = 16384
TIMEOUT_SECONDS = 30


class Closed(Exception):
    """The server has ended the connection or the stream without a gRPC status."""


def text(value):
    """A string literal of RFC 7541, 5.2."""
    value, out = value.encode(), bytearray()
    length = len(value)
    if length < 127:
        out.append(length)
    else:
        out.append(127)
        length -= 127
        while length >= 128:
            out.append(length % 128 + 128)
            length //= 128
        out.append(length)
    return bytes(out) + value


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


class Call:
    """One request; `message` is all of the body, gRPC's five-byte prefix included."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS)
        self.window = {0: 65535, 1: 65535}
        self.initial = 65535
        self.headers, self.ended, self.settled, self.buffer = b"", False, False, b""

    def exchange(self, headers, message):
        """Returns the gRPC status code; raises Closed.

        The server's SETTINGS are acknowledged first: until then its limit on headers is the protocol's default.
        """
        try:
            self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, b""))
            while not self.settled:
                self.read_frame()
            fields = b"".join(b"\x00" + text(name) + text(value) for name, value in headers)
            self.send_headers(fields)
            try:
                self.send_body(message)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused half-way; the answer may be waiting
            while not self.ended:
                self.read_frame()
        except OSError as error:
            raise Closed(repr(error)) from error
        finally:
            self.socket.close()
        found = re.search(rb"grpc-status.([0-9]+)", self.headers, re.DOTALL)
        if not found:
            raise Closed(f"an answer without grpc-status: {self.headers[:200]!r}")
        return int(found.group(1))

    def send_headers(self, fields):
        first, rest = fields[:FRAME_BYTES], fields[FRAME_BYTES:]
        self.socket.sendall(frame(HEADERS, 0 if rest else END_HEADERS, 1, first))
        while rest:
            first, rest = rest[:FRAME_BYTES], rest[FRAME_BYTES:]
            self.socket.sendall(frame(CONTINUATION, 0 if rest else END_HEADERS, 1, first))

    def send_body(self, message):
        at = 0
        while at < len(message) and not self.ended:
            room = min(self.window[0], self.window[1], FRAME_BYTES, len(message) - at)
            if room <= 0:
                self.read_frame()
                continue
            self.socket.sendall(frame(DATA, 0, 1, message[at:at + room]))
            at += room
            self.window[0] -= room
            self.window[1] -= room
        if not self.ended:
            self.socket.sendall(frame(DATA, END_STREAM, 1, b""))

    def read(self, count):
        while len(self.buffer) < count:
            more = self.socket.recv(65536)
            if not more:
                raise Closed("the connection was closed")
            self.buffer += more
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def read_frame(self):
        head = self.read(9)
        kind, flags = head[3], head[4]
        stream = struct.unpack(">I", head[5:])[0] & 0x7FFFFFFF
        payload = self.read(int.from_bytes(head[:3], "big"))
        if kind == SETTINGS and not flags & ACK:
            self.apply_settings(payload)
            self.socket.sendall(frame(SETTINGS, ACK, 0, b""))
            self.settled = True
        elif kind == PING and not flags & ACK:
            self.socket.sendall(frame(PING, ACK, 0, payload))
        elif kind == WINDOW_UPDATE and stream in self.window:
            self.window[stream] += struct.unpack(">I", payload)[0] & 0x7FFFFFFF
        elif kind in (HEADERS, CONTINUATION) and stream == 1:
            self.headers += payload
            self.ended = self.ended or (kind == HEADERS and bool(flags & END_STREAM))
        elif kind == DATA and stream == 1:
            self.ended = self.ended or bool(flags & END_STREAM)
        elif kind == RST_STREAM and stream == 1:
            self.ended = True
        elif kind == GOAWAY and not self.headers:
            raise Closed(f"GOAWAY {payload[4:200]!r}")

    def apply_settings(self, payload):
        for at in range(0, len(payload) - 5, 6):
            key, value = struct.unpack(">HI", payload[at:at + 6])
            if key == 4:
                self.window[1] += value - self.initial
                self.initial = value


def call(port, path, message, encoding="", content_type="application/grpc", extra=()):
    headers = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", f"127.0.0.1:{port}"),
               ("content-type", content_type), ("te", "trailers")]
    if encoding:
        headers.append(("grpc-encoding", encoding))
    return Call(port).exchange([*headers, *extra], message)


def message(body, compressed=False, declared=None):
    """gRPC's length-prefixed message; `declared` lies about the length."""
    return bytes([int(compressed)]) + struct.pack(">I", len(body) if declared is None else declared) + body
