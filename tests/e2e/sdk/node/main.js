// Sends the known spans and metrics of README.md with the OpenTelemetry JavaScript SDK and prints what it sent as JSON.
// Usage: node main.js PROTOCOL, grpc, http/protobuf or http/json; the rest comes from the SDK's own OTEL_* variables.
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPMetricExporter as MetricGrpc } from '@opentelemetry/exporter-metrics-otlp-grpc';
import { OTLPMetricExporter as MetricJson } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as MetricProto } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as TraceGrpc } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as TraceJson } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as TraceProto } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, detectResources, envDetector } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

const EXPORTERS = {
  grpc: [TraceGrpc, MetricGrpc],
  'http/protobuf': [TraceProto, MetricProto],
  'http/json': [TraceJson, MetricJson],
};

function sendSpans(tracer) {
  const orders = { name: 'GET /orders', route: '/orders', count: 0, errors: 0 };
  const cards = { name: 'charge-card', route: '', count: 0, errors: 0 };
  const caches = { name: 'refresh-cache', route: '', count: 0, errors: 0 };
  for (let i = 0; i < 7; i++) {
    const order = tracer.startSpan(orders.name, {
      kind: SpanKind.SERVER,
      attributes: { 'http.route': orders.route },
    }, ROOT_CONTEXT);
    orders.count++;
    if (i === 0) {
      order.setStatus({ code: SpanStatusCode.ERROR, message: 'out of stock' });
      orders.errors++;
    }
    if (i % 2 === 1) {
      tracer.startSpan(cards.name, { kind: SpanKind.CLIENT }, trace.setSpan(ROOT_CONTEXT, order)).end();
      cards.count++;
    }
    order.end();
  }
  for (let i = 0; i < 5; i++) {
    tracer.startSpan(caches.name, {}, ROOT_CONTEXT).end();
    caches.count++;
  }
  return [orders, cards, caches];
}

function recordMetrics(meter) {
  meter.createObservableGauge('sdk.test.gauge', { unit: 'By' }).addCallback((result) => result.observe(42.5));
  const counter = meter.createCounter('sdk.test.counter');
  counter.add(3, { color: 'red' });
  counter.add(4, { color: 'red' });
  counter.add(35, { color: 'blue' });
  const level = meter.createUpDownCounter('sdk.test.updown');
  level.add(10);
  level.add(-3);
  const histogram = meter.createHistogram('sdk.test.histogram');
  for (const value of [1, 2, 3.5]) histogram.record(value);
  return [
    { name: 'sdk.test.gauge', attributes: {}, value: 42.5 },
    { name: 'sdk.test.counter', attributes: { color: 'red' }, value: 7 },
    { name: 'sdk.test.counter', attributes: { color: 'blue' }, value: 35 },
    { name: 'sdk.test.updown', attributes: {}, value: 7 },
    { name: 'sdk.test.histogram.count', attributes: {}, value: 3 },
    { name: 'sdk.test.histogram.sum', attributes: {}, value: 6.5 },
  ];
}

const chosen = EXPORTERS[process.argv[2]];
if (!chosen) throw new Error(`protocol '${process.argv[2]}': one of ${Object.keys(EXPORTERS).join(', ')}`);
const [TraceExporter, MetricExporter] = chosen;
const resource = defaultResource().merge(detectResources({ detectors: [envDetector] }));
const tracers = new BasicTracerProvider({
  resource,
  spanProcessors: [new BatchSpanProcessor(new TraceExporter())],
});
const meters = new MeterProvider({
  resource,
  readers: [new PeriodicExportingMetricReader({ exporter: new MetricExporter() })],
});
const spans = sendSpans(tracers.getTracer('e2e'));
const metrics = recordMetrics(meters.getMeter('e2e'));
await tracers.forceFlush();
await meters.forceFlush();
await tracers.shutdown();
await meters.shutdown();
console.log(JSON.stringify({ spans, metrics }));
