#!/usr/bin/env python3
"""Writes the OTLP golden files from the real definitions (package opentelemetry-proto).

    make_golden.py DIR [traces] [metrics] [profiles] [layout]

`layout` writes profiles_<version>.pb, the same profile in whatever layout the installed package has:
1.45.2 -> layout L6 (also profiles.pb), 1.40.0 -> L5, 1.37.0 -> L3.
JSON comes from the package's own JSON printer with ids turned from base64 to hex, as OTLP/JSON has it.
"""
import base64
import importlib.metadata
import json
import pathlib
import sys

from google.protobuf import json_format

T0 = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z
TRACE = bytes(range(1, 17))
SPAN = bytes(range(0x21, 0x29))
PARENT = bytes(range(0x31, 0x39))


def attribute(items, key, **value):
    pair = items.add()
    pair.key = key
    for kind, content in value.items():
        setattr(pair.value, kind, content)
    return pair


def resource(out):
    attribute(out.attributes, "service.name", string_value="checkout")
    attribute(out.attributes, "service.namespace", string_value="shop")
    attribute(out.attributes, "service.version", string_value="1.4.2")
    attribute(out.attributes, "k8s.pod.uid", string_value="4d63009a-8d0f-11ee")
    attribute(out.attributes, "k8s.container.name", string_value="app")
    attribute(out.attributes, "process.pid", int_value=4711)
    attribute(out.attributes, "ratio", double_value=0.25)
    attribute(out.attributes, "debug", bool_value=True)
    attribute(out.attributes, "digest", bytes_value=b"\x00\xff\x10")
    listed = attribute(out.attributes, "process.command_args")
    listed.value.array_value.values.add().string_value = "serve"
    listed.value.array_value.values.add().int_value = -1
    nested = attribute(out.attributes, "labels")
    attribute(nested.value.kvlist_value.values, "tier", string_value='a"b')
    attribute(nested.value.kvlist_value.values, "none")


def traces():
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
    request = trace_service_pb2.ExportTraceServiceRequest()
    batch = request.resource_spans.add()
    resource(batch.resource)
    scope = batch.scope_spans.add()
    scope.scope.name = "golden"
    server = scope.spans.add(trace_id=TRACE, span_id=SPAN, parent_span_id=PARENT, name="GET /orders/{id}", kind=2,
                             start_time_unix_nano=T0, end_time_unix_nano=T0 + 1_500_000, flags=0x301,
                             trace_state="vendor=1")
    attribute(server.attributes, "rpc.method", string_value="GetOrder")
    attribute(server.attributes, "http.route", string_value="/orders/{id}")
    attribute(server.attributes, "http.response.status_code", int_value=500)
    server.status.code = 2
    server.status.message = "deadline"
    event = server.events.add(name="exception", time_unix_nano=T0 + 1)
    attribute(event.attributes, "exception.type", string_value="Timeout")
    server.links.add(trace_id=TRACE, span_id=PARENT)
    scope.spans.add(trace_id=TRACE, span_id=PARENT, name="caf\u00e9", kind=3, start_time_unix_nano=T0,
                    end_time_unix_nano=T0 + 2)
    # Refused: a span id of 7 bytes.
    scope.spans.add(trace_id=TRACE, span_id=SPAN[:7], name="short", start_time_unix_nano=T0, end_time_unix_nano=T0)
    return request


def metrics():
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
    request = metrics_service_pb2.ExportMetricsServiceRequest()
    batch = request.resource_metrics.add()
    resource(batch.resource)
    scope = batch.scope_metrics.add()
    scope.scope.name = "golden"

    gauge = scope.metrics.add(name="go.memory.used", unit="By")
    point = gauge.gauge.data_points.add(time_unix_nano=T0, as_int=123456789)
    attribute(point.attributes, "go.memory.type", string_value="other")
    gauge.gauge.data_points.add(time_unix_nano=T0, flags=1)  # no recorded value: skipped
    gauge.gauge.data_points.add(as_double=1)                 # no time: refused

    level = scope.metrics.add(name="process.memory.usage", unit="By")
    level.sum.aggregation_temporality = 2
    level.sum.data_points.add(time_unix_nano=T0 + 5, start_time_unix_nano=T0, as_double=1.5e9)

    counter = scope.metrics.add(name="go.memory.allocated", unit="By")
    counter.sum.aggregation_temporality = 2
    counter.sum.is_monotonic = True
    point = counter.sum.data_points.add(time_unix_nano=T0 + 5, start_time_unix_nano=T0, as_int=-7)
    exemplar = point.exemplars.add(time_unix_nano=T0, as_double=1, span_id=SPAN, trace_id=TRACE)
    attribute(exemplar.filtered_attributes, "x", int_value=1)

    delta = scope.metrics.add(name="requests", unit="1")
    delta.sum.aggregation_temporality = 1
    delta.sum.is_monotonic = True
    delta.sum.data_points.add(time_unix_nano=T0, as_int=1)
    delta.sum.data_points.add(time_unix_nano=T0, as_int=2)

    histogram = scope.metrics.add(name="http.server.request.duration", unit="s")
    histogram.histogram.aggregation_temporality = 2
    point = histogram.histogram.data_points.add(time_unix_nano=T0 + 9, start_time_unix_nano=T0, count=3, sum=0.75,
                                                bucket_counts=[1, 2], explicit_bounds=[0.1], min=0.05, max=0.5)
    attribute(point.attributes, "http.route", string_value="/orders/{id}")

    exponential = scope.metrics.add(name="latency", unit="ms")
    exponential.exponential_histogram.aggregation_temporality = 2
    point = exponential.exponential_histogram.data_points.add(time_unix_nano=T0 + 9, start_time_unix_nano=T0, count=4,
                                                              sum=40, scale=-1, zero_count=1)
    point.positive.offset = -3
    point.positive.bucket_counts.extend([1, 2])
    attribute(point.attributes, "a", string_value="b")

    summary = scope.metrics.add(name="gc.pause", unit="s")
    point = summary.summary.data_points.add(time_unix_nano=T0 + 9, start_time_unix_nano=T0, count=2, sum=0.5)
    point.quantile_values.add(quantile=0.5, value=0.2)
    attribute(point.attributes, "c", string_value="d")
    return request


def strings_of(dictionary):
    def index(text):
        if text not in dictionary.string_table:
            dictionary.string_table.append(text)
        return list(dictionary.string_table).index(text)
    index("")
    return index


def profiles():
    """Two sample types over two stacks; the first sample is linked to a span. Layouts L5 and L6."""
    from opentelemetry.proto.collector.profiles.v1development import profiles_service_pb2
    request = profiles_service_pb2.ExportProfilesServiceRequest()
    dictionary = request.dictionary
    text = strings_of(dictionary)
    for table in (dictionary.mapping_table, dictionary.location_table, dictionary.function_table,
                  dictionary.attribute_table, dictionary.stack_table):
        table.add()
    dictionary.link_table.add(trace_id=bytes(16), span_id=bytes(8))
    dictionary.link_table.add(trace_id=TRACE, span_id=SPAN)

    def tag(key, unit="", **value):
        entry = dictionary.attribute_table.add(key_strindex=text(key), unit_strindex=text(unit))
        for kind, content in value.items():
            setattr(entry.value, kind, content)
        return len(dictionary.attribute_table) - 1

    build_id = tag("process.executable.build_id.gnu", string_value="abcdef0123456789")
    size = tag("bytes", "bytes", int_value=4096)
    thread = tag("thread", string_value="worker-1")
    comment = tag("pprof.profile.comment")
    dictionary.attribute_table[comment].value.array_value.values.add().string_value = "trigger: growth"
    dictionary.mapping_table.add(memory_start=0x400000, memory_limit=0x500000, file_offset=0x1000,
                                 filename_strindex=text("/app/checkout"), attribute_indices=[build_id])
    for name, start in (("leak::keep(int)", 10), ("handle", 40), ("inlined", 5)):
        dictionary.function_table.add(name_strindex=text(name), filename_strindex=text("main.cc"), start_line=start)
    first = dictionary.location_table.add(mapping_index=1, address=0x401234)
    lines = first.lines if hasattr(first, "lines") else first.line
    lines.add(function_index=3, line=6)
    lines.add(function_index=1, line=12)
    second = dictionary.location_table.add(mapping_index=1, address=0x405678)
    (second.lines if hasattr(second, "lines") else second.line).add(function_index=2, line=41)
    dictionary.stack_table.add(location_indices=[1, 2])
    dictionary.stack_table.add(location_indices=[2])

    batch = request.resource_profiles.add()
    resource(batch.resource)
    scope = batch.scope_profiles.add()
    for name, unit, values in (("inuse_objects", "count", (2, 1)), ("inuse_space", "bytes", (8192, 100))):
        profile = scope.profiles.add(time_unix_nano=T0, period=524288, attribute_indices=[comment])
        profile.sample_type.type_strindex = text(name)
        profile.sample_type.unit_strindex = text(unit)
        profile.period_type.type_strindex = text("space")
        profile.period_type.unit_strindex = text("bytes")
        samples = profile.samples if hasattr(profile, "samples") else profile.sample
        samples.add(stack_index=1, attribute_indices=[size, thread], link_index=1, values=[values[0]])
        samples.add(stack_index=2, values=[values[1]])
    return request


def old_profiles():
    """One sample in layout L3 (v1.7)."""
    from opentelemetry.proto.collector.profiles.v1development import profiles_service_pb2
    request = profiles_service_pb2.ExportProfilesServiceRequest()
    request.dictionary.string_table.extend(["", "inuse_space", "bytes", "main"])
    request.dictionary.function_table.add()
    request.dictionary.function_table.add(name_strindex=3)
    request.dictionary.location_table.add(address=0x1000).line.add(function_index=1, line=3)
    profile = request.resource_profiles.add().scope_profiles.add().profiles.add(
        time_nanos=T0, duration_nanos=1_000_000_000, location_indices=[0], period=1)
    profile.sample_type.add(type_strindex=1, unit_strindex=2)
    profile.sample.add(locations_start_index=0, locations_length=1, value=[64])
    return request


def hex_ids(node):
    """OTLP/JSON has ids in hex where protobuf's JSON has base64."""
    if isinstance(node, dict):
        return {key: base64.b64decode(value).hex() if key in ("traceId", "spanId", "parentSpanId") else hex_ids(value)
                for key, value in node.items()}
    return [hex_ids(item) for item in node] if isinstance(node, list) else node


def write(directory, name, request):
    (directory / f"{name}.pb").write_bytes(request.SerializeToString())
    tree = json_format.MessageToDict(request, use_integers_for_enums=True)
    (directory / f"{name}.json").write_text(json.dumps(hex_ids(tree), indent=1, ensure_ascii=False) + "\n")


def main():
    directory = pathlib.Path(sys.argv[1])
    wanted = sys.argv[2:] or ["traces", "metrics", "profiles"]
    for name, build in (("traces", traces), ("metrics", metrics), ("profiles", profiles)):
        if name in wanted:
            write(directory, name, build())
    if "layout" in wanted:
        version = importlib.metadata.version("opentelemetry-proto")
        major, minor = version.split(".")[:2]
        request = old_profiles() if (int(major), int(minor)) < (1, 40) else profiles()
        (directory / f"profiles_{version}.pb").write_bytes(request.SerializeToString())


main()
