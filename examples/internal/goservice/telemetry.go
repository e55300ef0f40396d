// Package goservice is what the two Go examples have in common: OpenTelemetry as a service sets it up, and an HTTP
// server with a span for each request. It keeps nothing.
package goservice

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	runtimemetrics "go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

const (
	endpointVariable       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	metricIntervalVariable = "OTEL_METRIC_EXPORT_INTERVAL" // milliseconds, read by the SDK
	metricInterval         = 5 * time.Second
	memStatsInterval       = time.Second // the instrumentation's own default, 15 s, would repeat stale values
)

// startTelemetry installs the global tracer and meter providers, exporting over OTLP/gRPC. The returned function sends
// what is left and stops them.
func startTelemetry(ctx context.Context, name, version string) (func(context.Context) error, error) {
	useDefaultEndpoint()
	res, err := describeProcess(ctx, name, version)
	if err != nil {
		return nil, err
	}
	spans, err := otlptracegrpc.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("trace exporter to %s: %w", os.Getenv(endpointVariable), err)
	}
	metrics, err := otlpmetricgrpc.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("metric exporter to %s: %w", os.Getenv(endpointVariable), err)
	}
	var readerOptions []sdkmetric.PeriodicReaderOption
	if os.Getenv(metricIntervalVariable) == "" {
		readerOptions = append(readerOptions, sdkmetric.WithInterval(metricInterval))
	}
	tracerProvider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans), sdktrace.WithResource(res))
	meterProvider := sdkmetric.NewMeterProvider(sdkmetric.WithResource(res),
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metrics, readerOptions...)))
	otel.SetTracerProvider(tracerProvider)
	otel.SetMeterProvider(meterProvider)
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(
		propagation.TraceContext{}, propagation.Baggage{}))
	if err := runtimemetrics.Start(runtimemetrics.WithMinimumReadMemStatsInterval(memStatsInterval)); err != nil {
		return nil, fmt.Errorf("runtime metrics: %w", err)
	}
	return func(ctx context.Context) error {
		return errors.Join(tracerProvider.Shutdown(ctx), meterProvider.Shutdown(ctx))
	}, nil
}

// The exporters read the variable themselves but want a scheme in it; http:// means without TLS.
func useDefaultEndpoint() {
	endpoint := os.Getenv(endpointVariable)
	if endpoint == "" {
		endpoint = "localhost:4317"
	}
	if !strings.Contains(endpoint, "://") {
		endpoint = "http://" + endpoint
	}
	os.Setenv(endpointVariable, endpoint)
}

// The instance is the same for as long as the process lives and differs from its neighbours'. OTEL_SERVICE_NAME and
// OTEL_RESOURCE_ATTRIBUTES override what is said here.
func describeProcess(ctx context.Context, name, version string) (*resource.Resource, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("host name: %w", err)
	}
	return resource.New(ctx,
		resource.WithAttributes(
			attribute.String("service.name", name),
			attribute.String("service.version", version),
			attribute.String("service.instance.id", fmt.Sprintf("%s:%d", host, os.Getpid())),
			attribute.String("host.name", host),
			attribute.Int("process.pid", os.Getpid()),
		),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv())
}
