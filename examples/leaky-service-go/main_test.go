package main

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// The examples' promise to the tests that look for the leak: each checkout keeps its span, order and all.
func TestEachCheckoutKeepsItsEndedSpan(t *testing.T) {
	otel.SetTracerProvider(sdktrace.NewTracerProvider())
	orders := []string{strings.Repeat("a", 1500), strings.Repeat("b", 2000)}
	for _, order := range orders {
		processRequest(context.Background(), []byte(order))
	}
	if len(keptSpans) != len(orders) {
		t.Fatalf("%d spans kept, want %d", len(keptSpans), len(orders))
	}
	for number, span := range keptSpans {
		if span.EndTime().IsZero() {
			t.Errorf("span %d has not ended", number)
		}
		want := attribute.String("shop.order", orders[number-1])
		if got := span.Attributes()[0]; got != want {
			t.Errorf("span %d keeps %.20q..., want %.20q...", number, got.Value.AsString(), want.Value.AsString())
		}
	}
}
