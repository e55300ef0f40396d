"""Sends the known spans and metrics of README.md with the OpenTelemetry Python SDK and prints what it sent as JSON.

Usage: main.py PROTOCOL, grpc or http/protobuf; the rest comes from the SDK's own OTEL_* variables.
"""
import json
import sys

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def exporters(protocol):
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    elif protocol == "http/protobuf":
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    else:
        sys.exit(f"protocol {protocol!r}: the Python SDK has grpc and http/protobuf")
    return OTLPSpanExporter(), OTLPMetricExporter()


def send_spans(tracer):
    orders = {"name": "GET /orders", "route": "/orders", "count": 0, "errors": 0}
    cards = {"name": "charge-card", "route": "", "count": 0, "errors": 0}
    caches = {"name": "refresh-cache", "route": "", "count": 0, "errors": 0}
    for i in range(7):
        order = tracer.start_span(orders["name"], Context(), kind=trace.SpanKind.SERVER,
                                  attributes={"http.route": orders["route"]})
        orders["count"] += 1
        if i == 0:
            order.set_status(trace.StatusCode.ERROR, "out of stock")
            orders["errors"] += 1
        if i % 2 == 1:
            tracer.start_span(cards["name"], trace.set_span_in_context(order),
                              kind=trace.SpanKind.CLIENT).end()
            cards["count"] += 1
        order.end()
    for _ in range(5):
        tracer.start_span(caches["name"], Context()).end()
        caches["count"] += 1
    return [orders, cards, caches]


def record_metrics(meter):
    meter.create_observable_gauge("sdk.test.gauge", [lambda options: [Observation(42.5)]], unit="By")
    counter = meter.create_counter("sdk.test.counter")
    counter.add(3, {"color": "red"})
    counter.add(4, {"color": "red"})
    counter.add(35, {"color": "blue"})
    level = meter.create_up_down_counter("sdk.test.updown")
    level.add(10)
    level.add(-3)
    histogram = meter.create_histogram("sdk.test.histogram")
    for value in (1, 2, 3.5):
        histogram.record(value)
    return [
        {"name": "sdk.test.gauge", "attributes": {}, "value": 42.5},
        {"name": "sdk.test.counter", "attributes": {"color": "red"}, "value": 7},
        {"name": "sdk.test.counter", "attributes": {"color": "blue"}, "value": 35},
        {"name": "sdk.test.updown", "attributes": {}, "value": 7},
        {"name": "sdk.test.histogram.count", "attributes": {}, "value": 3},
        {"name": "sdk.test.histogram.sum", "attributes": {}, "value": 6.5},
    ]


def main():
    span_exporter, metric_exporter = exporters(sys.argv[1])
    tracers = TracerProvider()
    tracers.add_span_processor(BatchSpanProcessor(span_exporter))
    meters = MeterProvider([PeriodicExportingMetricReader(metric_exporter)])
    spans = send_spans(tracers.get_tracer("e2e"))
    metrics = record_metrics(meters.get_meter("e2e"))
    if not (tracers.force_flush() and meters.force_flush()):
        sys.exit("flush failed")
    tracers.shutdown()
    meters.shutdown()
    print(json.dumps({"spans": spans, "metrics": metrics}))


main()
