"""Hostile bodies. Each kind is a function of a random generator, so that a seed gives them again."""
import functools
import gzip
import json
import struct
import sys
import time
import zlib

import otlp

LIMIT_BYTES = 64 << 20  # of a body, inflated
BOMB_BYTES = 1 << 30
HOSTILE = "hostile"  # never the name of the valid senders' service


def valid(rng, signal):
    """A well-formed request with one top-level element, so that no proper prefix of it is well formed."""
    now_ns = time.time_ns()
    instance = f"{HOSTILE}-{rng.randrange(20)}"
    if signal == "traces":
        return otlp.traces_request(HOSTILE, instance, "route", now_ns, rng.randbytes(16), rng.randbytes(8))
    points = [(now_ns - index * 1_000_000, rng.random()) for index in range(rng.randrange(1, 9))]
    return otlp.metrics_request(HOSTILE, instance, f"hostile.{rng.randrange(20)}", points)


def valid_json(rng):
    return otlp.metrics_json(HOSTILE, f"{HOSTILE}-{rng.randrange(20)}", "hostile.json", [(time.time_ns(), 1.0)])


def truncated(rng, body):
    return body[:rng.randrange(1, len(body))]


def bit_flipped(rng, body):
    out = bytearray(body)
    for _ in range(rng.randrange(1, 9)):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def invalid_wire_type(rng, signal):
    """A tag of wire type 6 or 7, which do not exist, after a whole and well-formed message."""
    return valid(rng, signal) + otlp.tag(rng.randrange(1, 100), rng.choice((6, 7))) + rng.randbytes(8)


def nested_values(rng):
    """An attribute value of lists in lists, thousands deep, each level well formed."""
    value = otlp.block(1, "x")
    for _ in range(rng.randrange(2000, 6000)):
        value = otlp.block(5, otlp.block(1, value))
    pair = otlp.block(1, "deep") + otlp.block(2, value)
    return otlp.block(1, otlp.block(1, otlp.block(1, pair) + otlp.resource(HOSTILE, "deep")))


def huge_labels(rng):
    labels = [(f"key{index}" * rng.choice((1, 200)), "v" * rng.choice((10, 100_000))) for index in range(300)]
    return otlp.metrics_request(HOSTILE, "labels", "hostile.labels", [(time.time_ns(), 1.0)], labels[:rng.randrange(1, 300)])


def deep_json(rng):
    depth = rng.randrange(1000, 200_000)
    opening, closing = rng.choice((("[", "]"), ('{"a":', "}")))
    return (opening * depth + "1" + closing * depth).encode()


def broken_json(rng):
    whole = valid_json(rng)
    return rng.choice((truncated(rng, whole), b"", b"{", b"nul", b'{"resourceMetrics":[}', b"{'a':1}", whole + b"}",
                       b'{"resourceMetrics":"\xff\xfe"}', b'{"resourceMetrics":[{"resource":7}]}',
                       b'{"resourceMetrics":{}}', b'{"a":1e999999' + b"9" * 5000 + b"}x"))


def is_broken_json(body):
    """True when no JSON parser may take it. The interpreter's own recursion limit is no verdict."""
    try:
        json.loads(body.decode())
    except RecursionError:
        return False
    except ValueError:
        return True
    return False


def is_broken_gzip(body):
    try:
        gzip.decompress(body)
    except (OSError, EOFError, zlib.error, struct.error):
        return True
    return False


@functools.cache
def bomb():
    """One gzip member of 1 GiB of zeros, about 1 MB, without deflating 1 GiB.

    After a full flush deflate depends on nothing before it, so that one flushed piece can be repeated.
    """
    piece = bytes(16 << 20)
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    flushed = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    end = zlib.compressobj(6, zlib.DEFLATED, -15).flush()
    crc = 0
    for _ in range(BOMB_BYTES // len(piece)):
        crc = zlib.crc32(piece, crc)
    body = (b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + flushed * (BOMB_BYTES // len(piece)) + end +
            struct.pack("<II", crc, BOMB_BYTES & 0xFFFFFFFF))
    print(f"bomb: {len(body)} bytes inflate to {BOMB_BYTES}", file=sys.stderr)
    return body


@functools.cache
def oversized():
    return bytes(LIMIT_BYTES + 1)
