// Fixed-service-go is leaky-service-go repaired: what is remembered of a checkout's span is a few words of metadata, in
// a cache that is bounded in entries and in time and tells its size.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"tidemark/examples/internal/goservice"
)

const (
	cacheTime    = time.Minute
	cacheEntries = 10_000
	sweepEvery   = time.Second
)

var endedSpans = newSpanCache(cacheTime, cacheEntries)

// processRequest does a checkout inside a span of its own and returns the receipt.
func processRequest(ctx context.Context, order []byte) string {
	started := time.Now()
	_, span := otel.Tracer("fixed-service-go").Start(ctx, "processRequest")
	span.SetAttributes(attribute.Int("shop.order.size", len(order)))
	receipt := goservice.Receipt(order)
	span.End()
	identity := span.SpanContext()
	ended := time.Now()
	endedSpans.add(spanMetadata{
		trace:    identity.TraceID(),
		span:     identity.SpanID(),
		duration: ended.Sub(started),
		ended:    ended,
	})
	return receipt
}

func checkout(w http.ResponseWriter, r *http.Request) {
	if order, ok := goservice.ReadBody(w, r); ok {
		fmt.Fprintln(w, processRequest(r.Context(), order))
	}
}

// start sweeps the cache until ctx ends, and reports its size.
func start(ctx context.Context) error {
	go func() {
		ticks := time.NewTicker(sweepEvery)
		defer ticks.Stop()
		for {
			select {
			case now := <-ticks.C:
				endedSpans.sweep(now)
			case <-ctx.Done():
				return
			}
		}
	}()
	_, err := otel.Meter("fixed-service-go").Int64ObservableGauge("span_cache.size",
		metric.WithUnit("{span}"),
		metric.WithDescription("Ended spans remembered"),
		metric.WithInt64Callback(func(_ context.Context, observer metric.Int64Observer) error {
			observer.Observe(int64(endedSpans.size()))
			return nil
		}))
	return err
}

func main() {
	os.Exit(goservice.Main(goservice.Service{
		Name:        "fixed-service-go",
		Version:     "1.0.1",
		DefaultAddr: "127.0.0.1:8084",
		PprofAddr:   "127.0.0.1:6064",
		Start:       start,
		Routes: map[string]http.HandlerFunc{
			"/checkout": checkout,
			"/search":   goservice.Search,
			"/health":   goservice.Health,
		},
	}))
}
