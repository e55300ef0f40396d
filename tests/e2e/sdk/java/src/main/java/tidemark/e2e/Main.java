package tidemark.e2e;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import io.opentelemetry.sdk.common.CompletableResultCode;
import java.util.concurrent.TimeUnit;

/**
 * Sends the known spans and metrics of README.md with the OpenTelemetry Java SDK and prints what it sent as JSON. The
 * protocol, grpc or http/protobuf, and all else come from the SDK's own OTEL_* variables.
 */
public final class Main {
  private static final AttributeKey<String> ROUTE = AttributeKey.stringKey("http.route");
  private static final AttributeKey<String> COLOR = AttributeKey.stringKey("color");

  private static String sendSpans(Tracer tracer) {
    int orders = 0;
    int orderErrors = 0;
    int cards = 0;
    int caches = 0;
    for (int i = 0; i < 7; i++) {
      Span order = tracer.spanBuilder("GET /orders").setNoParent().setSpanKind(SpanKind.SERVER)
          .setAttribute(ROUTE, "/orders").startSpan();
      orders++;
      if (i == 0) {
        order.setStatus(StatusCode.ERROR, "out of stock");
        orderErrors++;
      }
      if (i % 2 == 1) {
        tracer.spanBuilder("charge-card").setParent(Context.root().with(order))
            .setSpanKind(SpanKind.CLIENT).startSpan().end();
        cards++;
      }
      order.end();
    }
    for (int i = 0; i < 5; i++) {
      tracer.spanBuilder("refresh-cache").setNoParent().startSpan().end();
      caches++;
    }
    return String.join(",", span("GET /orders", "/orders", orders, orderErrors),
        span("charge-card", "", cards, 0), span("refresh-cache", "", caches, 0));
  }

  private static String span(String name, String route, int count, int errors) {
    return String.format("{\"name\":\"%s\",\"route\":\"%s\",\"count\":%d,\"errors\":%d}", name, route, count, errors);
  }

  private static String recordMetrics(Meter meter) {
    meter.gaugeBuilder("sdk.test.gauge").setUnit("By").buildWithCallback(gauge -> gauge.record(42.5));
    var counter = meter.counterBuilder("sdk.test.counter").build();
    counter.add(3, Attributes.of(COLOR, "red"));
    counter.add(4, Attributes.of(COLOR, "red"));
    counter.add(35, Attributes.of(COLOR, "blue"));
    var level = meter.upDownCounterBuilder("sdk.test.updown").build();
    level.add(10);
    level.add(-3);
    var histogram = meter.histogramBuilder("sdk.test.histogram").build();
    for (double value : new double[] {1, 2, 3.5}) {
      histogram.record(value);
    }
    return String.join(",", metric("gauge", "", 42.5), metric("counter", "\"color\":\"red\"", 7),
        metric("counter", "\"color\":\"blue\"", 35), metric("updown", "", 7), metric("histogram.count", "", 3),
        metric("histogram.sum", "", 6.5));
  }

  private static String metric(String name, String attributes, double value) {
    return "{\"name\":\"sdk.test." + name + "\",\"attributes\":{" + attributes + "},\"value\":" + value + "}";
  }

  private static void await(String what, CompletableResultCode result) {
    if (!result.join(20, TimeUnit.SECONDS).isSuccess()) {
      throw new IllegalStateException(what + " failed");
    }
  }

  public static void main(String[] args) {
    OpenTelemetrySdk sdk = AutoConfiguredOpenTelemetrySdk.builder().build().getOpenTelemetrySdk();
    String spans = sendSpans(sdk.getTracer("e2e"));
    String metrics = recordMetrics(sdk.getMeter("e2e"));
    await("flush of spans", sdk.getSdkTracerProvider().forceFlush());
    await("flush of metrics", sdk.getSdkMeterProvider().forceFlush());
    await("shutdown", sdk.shutdown());
    System.out.println("{\"spans\":[" + spans + "],\"metrics\":[" + metrics + "]}");
    System.exit(0);
  }

  private Main() {}
}
