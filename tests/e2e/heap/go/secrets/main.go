// Command secrets is a service whose memory is full of things that must not leave the machine: secrets in strings, byte
// slices, arrays inside structs, attributes, statuses and events of spans. "secrets FILE" writes its heap dump into FILE,
// which may be a FIFO. The spans' names are no secret, each a string in the heap.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

type customer struct {
	token    [64]byte
	name     string
	password []byte
	next     *customer
}

// As large as a span, with a pointer, and otherwise secrets.
type spanSized struct {
	next *spanSized
	text [408]byte
}

var (
	customers *customer
	sized     *spanSized
	spans     = map[string]trace.Span{}
	notes     = map[string]string{}
	globals   [256]byte
)

// Made at run time, so that no part of it is in the program's own text.
func secret(i int) string { return strings.ToUpper(fmt.Sprintf("hunter%dtwo", i)) }

func main() {
	tracer := sdktrace.NewTracerProvider().Tracer("secrets")
	copy(globals[:], bytes.Repeat([]byte(secret(0)), 40))
	for i := 0; i < 2000; i++ {
		c := &customer{name: secret(i), password: []byte(secret(i) + strings.Repeat("x", i%300)), next: customers}
		copy(c.token[:], bytes.Repeat([]byte(secret(i)), 6))
		customers = c
		s := &spanSized{next: sized}
		copy(s.text[:], bytes.Repeat([]byte(secret(i)), 50))
		sized = s
		notes[secret(i)+"key"] = secret(i) + strings.Repeat("-", i%2000)
		_, span := tracer.Start(context.Background(), fmt.Sprintf("PUBLIC /route/%d", i%100),
			trace.WithAttributes(attribute.String("password", secret(i)), attribute.String(secret(i), "x")))
		span.SetStatus(codes.Error, "failed for "+secret(i))
		span.RecordError(errors.New(secret(i)))
		if i%10 != 0 {
			span.End()
		}
		spans[secret(i)] = span
	}
	runtime.GC()
	out, err := os.OpenFile(os.Args[1], os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	debug.WriteHeapDump(out.Fd())
	out.Close()
	runtime.KeepAlive(customers)
}
