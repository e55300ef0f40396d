// Sends the known spans and metrics of README.md with the OpenTelemetry Go SDK and prints what it sent as JSON.
// Usage: sdk PROTOCOL, grpc or http/protobuf; the rest comes from the SDK's own OTEL_* variables.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

type spanCount struct {
	Name   string `json:"name"`
	Route  string `json:"route"`
	Count  int    `json:"count"`
	Errors int    `json:"errors"`
}

type metricValue struct {
	Name       string            `json:"name"`
	Attributes map[string]string `json:"attributes"`
	Value      float64           `json:"value"`
}

func exporters(ctx context.Context, protocol string) (sdktrace.SpanExporter, sdkmetric.Exporter, error) {
	switch protocol {
	case "grpc":
		spans, spansErr := otlptracegrpc.New(ctx)
		metrics, metricsErr := otlpmetricgrpc.New(ctx)
		return spans, metrics, errors.Join(spansErr, metricsErr)
	case "http/protobuf":
		spans, spansErr := otlptracehttp.New(ctx)
		metrics, metricsErr := otlpmetrichttp.New(ctx)
		return spans, metrics, errors.Join(spansErr, metricsErr)
	}
	return nil, nil, fmt.Errorf("protocol %q: the Go SDK has grpc and http/protobuf", protocol)
}

func sendSpans(ctx context.Context, tracer trace.Tracer) []spanCount {
	orders := spanCount{Name: "GET /orders", Route: "/orders"}
	cards := spanCount{Name: "charge-card"}
	caches := spanCount{Name: "refresh-cache"}
	for i := range 7 {
		ctx, order := tracer.Start(ctx, orders.Name, trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attribute.String("http.route", orders.Route)))
		orders.Count++
		if i == 0 {
			order.SetStatus(codes.Error, "out of stock")
			orders.Errors++
		}
		if i%2 == 1 {
			_, card := tracer.Start(ctx, cards.Name, trace.WithSpanKind(trace.SpanKindClient))
			card.End()
			cards.Count++
		}
		order.End()
	}
	for range 5 {
		_, cache := tracer.Start(ctx, caches.Name)
		cache.End()
		caches.Count++
	}
	return []spanCount{orders, cards, caches}
}

func recordMetrics(ctx context.Context, meter metric.Meter) ([]metricValue, error) {
	gauge, gaugeErr := meter.Float64ObservableGauge("sdk.test.gauge", metric.WithUnit("By"))
	_, callbackErr := meter.RegisterCallback(func(_ context.Context, observer metric.Observer) error {
		observer.ObserveFloat64(gauge, 42.5)
		return nil
	}, gauge)
	counter, counterErr := meter.Int64Counter("sdk.test.counter")
	level, levelErr := meter.Int64UpDownCounter("sdk.test.updown")
	histogram, histogramErr := meter.Float64Histogram("sdk.test.histogram")
	if err := errors.Join(gaugeErr, callbackErr, counterErr, levelErr, histogramErr); err != nil {
		return nil, err
	}
	counter.Add(ctx, 3, metric.WithAttributes(attribute.String("color", "red")))
	counter.Add(ctx, 4, metric.WithAttributes(attribute.String("color", "red")))
	counter.Add(ctx, 35, metric.WithAttributes(attribute.String("color", "blue")))
	level.Add(ctx, 10)
	level.Add(ctx, -3)
	for _, value := range []float64{1, 2, 3.5} {
		histogram.Record(ctx, value)
	}
	none := map[string]string{}
	return []metricValue{
		{"sdk.test.gauge", none, 42.5},
		{"sdk.test.counter", map[string]string{"color": "red"}, 7},
		{"sdk.test.counter", map[string]string{"color": "blue"}, 35},
		{"sdk.test.updown", none, 7},
		{"sdk.test.histogram.count", none, 3},
		{"sdk.test.histogram.sum", none, 6.5},
	}, nil
}

func run(protocol string) error {
	ctx := context.Background()
	spanExporter, metricExporter, err := exporters(ctx, protocol)
	if err != nil {
		return err
	}
	tracers := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spanExporter))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metricExporter)))
	spans := sendSpans(ctx, tracers.Tracer("e2e"))
	metrics, err := recordMetrics(ctx, meters.Meter("e2e"))
	if err := errors.Join(err, tracers.ForceFlush(ctx), meters.ForceFlush(ctx)); err != nil {
		return err
	}
	if err := errors.Join(tracers.Shutdown(ctx), meters.Shutdown(ctx)); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"spans": spans, "metrics": metrics})
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: sdk PROTOCOL")
	}
	if err := run(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}
