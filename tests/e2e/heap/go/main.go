// Command leakyspans is a service whose memory is known: it keeps its spans in a map, ended or not, and says how
// many. A line on standard input is a request: "dump FILE" writes a heap dump, "grow N" makes N more ended spans,
// "quit" ends it. Each is answered by a line.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// The leak: by span id, and never emptied.
var leakySpanCache = map[string]trace.Span{}

// Not a leak: a table of a fixed size.
var routes = makeRoutes(512)

type route struct {
	path    string
	handler func(string) string
	methods map[string]bool
	limits  [72]uint64 // makes a slot of more than 512 bytes
	next    *route
}

func makeRoutes(count int) []*route {
	table := make([]*route, count)
	for i := range table {
		prefix := fmt.Sprintf("/api/v1/route/%d", i)
		table[i] = &route{
			path:    prefix,
			handler: func(tail string) string { return prefix + tail },
			methods: map[string]bool{"GET": true, "PUT": i%2 == 0},
		}
		if i > 0 {
			table[i].next = table[i-1]
		}
	}
	return table
}

func makeSpans(tracer trace.Tracer, ended, open int) {
	for i := 0; i < ended+open; i++ {
		_, span := tracer.Start(context.Background(), fmt.Sprintf("GET /checkout/%d", i%1000),
			trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attribute.String("customer", fmt.Sprintf("customer-%d", i)),
				attribute.Int("items", i%7)))
		if i >= open {
			span.End()
		}
		leakySpanCache[span.SpanContext().SpanID().String()] = span
	}
}

// A worker that waits with work in its hands.
func worker(work chan []byte, mine *route) {
	for item := range work {
		mine.path = string(item)
	}
	runtime.KeepAlive(mine)
}

type file struct {
	name   string
	buffer []byte
}

func dump(path string) error {
	runtime.GC()
	runtime.GC()
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	debug.WriteHeapDump(out.Fd())
	return out.Close()
}

func main() {
	ended := flag.Int("ended", 1000, "spans that are ended and kept")
	open := flag.Int("open", 10, "spans that are never ended, and kept")
	flag.Parse()

	provider := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.AlwaysSample()))
	tracer := provider.Tracer("leakyspans")
	makeSpans(tracer, *ended, *open)
	work := make(chan []byte, 4)
	for i := 0; i < 4; i++ {
		go worker(work, &route{path: fmt.Sprintf("idle %d", i)})
	}
	opened := &file{name: "spool", buffer: make([]byte, 100_000)}
	runtime.SetFinalizer(opened, func(f *file) { f.buffer = nil })
	large := make([]*route, 400_000) // longer than a reader's window
	copy(large, routes)

	fmt.Printf("ready %d %s\n", os.Getpid(), runtime.Version())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch words := strings.Fields(lines.Text()); {
		case len(words) == 2 && words[0] == "dump":
			if err := dump(words[1]); err != nil {
				fmt.Println("error", err)
				continue
			}
			fmt.Println("dumped", words[1])
		case len(words) == 2 && words[0] == "grow":
			count := 0
			fmt.Sscan(words[1], &count)
			makeSpans(tracer, count, 0)
			fmt.Println("spans", len(leakySpanCache))
		case len(words) == 1 && words[0] == "quit":
			runtime.KeepAlive(opened)
			runtime.KeepAlive(large)
			return
		default:
			fmt.Println("error: dump FILE, grow N or quit")
		}
	}
}
