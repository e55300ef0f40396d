"""OTLP requests as protobuf bytes, written field by field, and a reader that judges whether bytes are well formed.

Field numbers: opentelemetry-proto v1.10 and v1.11; google/rpc/status.proto. Independent of the server's own codec, so
that the two can disagree.
"""
import json
import struct

GRPC_METHOD = {
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "profiles": "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
}
HTTP_PATH = {"metrics": "/v1/metrics", "traces": "/v1/traces", "profiles": "/v1development/profiles"}


class Malformed(Exception):
    """No protobuf parser may take these bytes as this message."""


class Undecided(Exception):
    """Parsers differ here: groups, reserved field numbers."""


# Writing.

def varint(number):
    out = bytearray()
    number &= (1 << 64) - 1
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def tag(field, wire):
    return varint(field << 3 | wire)


def block(field, content):
    """A length-delimited field: bytes, text or a message."""
    content = content.encode() if isinstance(content, str) else content
    return tag(field, 2) + varint(len(content)) + content


def number(field, value):
    return tag(field, 0) + varint(value)


def fixed64(field, value):
    return tag(field, 1) + struct.pack("<Q", value)


def double(field, value):
    return tag(field, 1) + struct.pack("<d", value)


def attribute(key, value):
    return block(1, key) + block(2, block(1, value))


def resource(service, instance, extra=()):
    pairs = [("service.name", service), ("service.version", "1.0.0"), ("service.instance.id", instance), *extra]
    return b"".join(block(1, attribute(key, value)) for key, value in pairs)


def metrics_request(service, instance, metric, points, labels=()):
    """One gauge; `points` are (Unix ns, value)."""
    marks = b"".join(block(7, attribute(key, value)) for key, value in labels)
    gauge = b"".join(block(1, fixed64(3, time_ns) + double(4, value) + marks) for time_ns, value in points)
    scope = block(1, block(1, "e2e")) + block(2, block(1, metric) + block(3, "1") + block(5, gauge))
    return block(1, block(1, resource(service, instance)) + block(2, scope))


def metrics_json(service, instance, metric, points):
    def pair(key, value):
        return {"key": key, "value": {"stringValue": value}}
    gauge = {"dataPoints": [{"timeUnixNano": str(time_ns), "asDouble": value} for time_ns, value in points]}
    return json.dumps({"resourceMetrics": [{
        "resource": {"attributes": [pair("service.name", service), pair("service.instance.id", instance)]},
        "scopeMetrics": [{"scope": {"name": "e2e"}, "metrics": [{"name": metric, "unit": "1", "gauge": gauge}]}],
    }]}).encode()


def traces_request(service, instance, name, begin_ns, trace_id, span_id):
    span = (block(1, trace_id) + block(2, span_id) + block(5, name) + number(6, 2) + fixed64(7, begin_ns) +
            fixed64(8, begin_ns + 1_000_000) + block(9, attribute("http.route", "/" + name)))
    return block(1, block(1, resource(service, instance)) + block(2, block(1, block(1, "e2e")) + block(2, span)))


def profiles_request(service, instance, function, inuse_bytes, time_ns):
    """One inuse_space profile, layout of v1.10: main -> function, all bytes at the leaf."""
    strings = ["", "inuse_space", "bytes", "main", function, "e2e.cc"]
    functions = [b"", number(1, 3) + number(3, 5), number(1, 4) + number(3, 5)]
    locations = [b"", block(3, number(1, 1) + number(2, 10)), block(3, number(1, 2) + number(2, 20))]
    stacks = [b"", block(1, varint(2) + varint(1))]  # leaf first
    dictionary = (block(1, b"") + b"".join(block(2, each) for each in locations) +
                  b"".join(block(3, each) for each in functions) + block(4, b"") +
                  b"".join(block(5, each) for each in strings) + block(6, b"") +
                  b"".join(block(7, each) for each in stacks))
    sample = number(1, 1) + block(4, varint(inuse_bytes))
    profile = block(1, number(1, 1) + number(2, 2)) + block(2, sample) + fixed64(3, time_ns)
    scope = block(1, block(1, "e2e")) + block(2, profile)
    return block(1, block(1, resource(service, instance)) + block(2, scope)) + block(2, dictionary)


# Reading.

def read_varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data):
            raise Malformed("varint cut short")
        if shift >= 70:
            raise Malformed("varint of more than ten bytes")
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value & (1 << 64) - 1, at


def fields(data):
    """(field, wire type, value) of a message; the value is an int or bytes."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        field, wire = key >> 3, key & 7
        if wire in (6, 7) or field == 0 or key >= 1 << 32:
            raise Malformed(f"tag {key}")
        if wire in (3, 4) or 19000 <= field <= 19999:
            raise Undecided(f"tag {key}")
        if wire == 0:
            value, at = read_varint(data, at)
        else:
            size, at = (8, at) if wire == 1 else (4, at) if wire == 5 else read_varint(data, at)
            if size > len(data) - at:
                raise Malformed("field longer than its message")
            value, at = data[at:at + size], at + size
        yield field, wire, value


# The messages that a receiver reads whatever the rest says: the request down to its metrics or spans. What lies deeper
# may stay unread, e.g. the resource of a metric without points.
SCHEMA = {"metrics": {1: {2: {2: {}}}}, "traces": {1: {2: {2: {}}}}}


def check(data, schema):
    """Raises Malformed or Undecided unless `data` and the messages in it that `schema` names can be read."""
    for field, wire, value in fields(data):
        if wire == 2 and field in schema:
            check(value, schema[field])


def is_malformed(data, signal):
    """True when every receiver must refuse; False when it may take it."""
    try:
        check(data, SCHEMA[signal])
    except Malformed:
        return True
    except Undecided:
        pass
    return False


def read_status(body, is_json):
    """google.rpc.Status: (code, message, type URLs of the details)."""
    if is_json:
        status = json.loads(body)
        return status["code"], status["message"], [each.get("@type", "") for each in status.get("details", [])]
    code, message, details = 0, "", []
    for field, wire, value in fields(body):
        if (field, wire) == (1, 0):
            code = value
        elif (field, wire) == (2, 2):
            message = value.decode()
        elif (field, wire) == (3, 2):
            details += [inner.decode() for number_, _, inner in fields(value) if number_ == 1]
    return code, message, details
