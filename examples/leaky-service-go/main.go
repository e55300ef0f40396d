// Leaky-service-go leaks on purpose. Each checkout's span is kept in a global map after it has ended, "to look at
// later", and with it the request body that was recorded as an attribute. Nothing ever takes a span out again.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"tidemark/examples/internal/goservice"
)

// The leak: one entry for each checkout since the start.
var (
	keptMutex sync.Mutex
	keptSpans = map[uint64]sdktrace.ReadOnlySpan{}
)

var checkouts atomic.Uint64

// processRequest does a checkout inside a span of its own and returns the receipt. The body becomes text here: these
// are the bytes that stay.
func processRequest(ctx context.Context, order []byte) string {
	_, span := otel.Tracer("leaky-service-go").Start(ctx, "processRequest")
	span.SetAttributes(
		attribute.String("shop.order", string(order)),
		attribute.Int("shop.order.size", len(order)))
	receipt := goservice.Receipt(order)
	span.End()
	keepEndedSpan(checkouts.Add(1), span)
	return receipt
}

func keepEndedSpan(number uint64, span trace.Span) {
	ended, ok := span.(sdktrace.ReadOnlySpan)
	if !ok { // not sampled
		return
	}
	keptMutex.Lock()
	defer keptMutex.Unlock()
	keptSpans[number] = ended
}

func checkout(w http.ResponseWriter, r *http.Request) {
	if order, ok := goservice.ReadBody(w, r); ok {
		fmt.Fprintln(w, processRequest(r.Context(), order))
	}
}

func main() {
	os.Exit(goservice.Main(goservice.Service{
		Name:        "leaky-service-go",
		Version:     "1.0.0",
		DefaultAddr: "127.0.0.1:8083",
		PprofAddr:   "127.0.0.1:6063",
		Routes: map[string]http.HandlerFunc{
			"/checkout": checkout,
			"/search":   goservice.Search,
			"/health":   goservice.Health,
		},
	}))
}
