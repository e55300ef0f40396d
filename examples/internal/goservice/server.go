package goservice

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const (
	shutdownTime   = 5 * time.Second
	requestTimeout = 10 * time.Second
)

// Service is one example: its identity, where it listens, and what it answers. Routes are paths.
type Service struct {
	Name, Version          string
	DefaultAddr, PprofAddr string
	Routes                 map[string]http.HandlerFunc
	Start                  func(context.Context) error // after telemetry is up, before the first request; may be nil
}

// Main runs the service until SIGINT or SIGTERM and returns the process's exit status.
func Main(service Service) int {
	addr := flag.String("addr", service.DefaultAddr, "address of the HTTP server")
	pprofAddr := flag.String("pprof", service.PprofAddr, "address of /debug/pprof")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, service, *addr, *pprofAddr); err != nil {
		log.Printf("%s: %v", service.Name, err)
		return 1
	}
	return 0
}

func run(ctx context.Context, service Service, addr, pprofAddr string) error {
	stopTelemetry, err := startTelemetry(ctx, service.Name, service.Version)
	if err != nil {
		return err
	}
	if service.Start != nil {
		if err := service.Start(ctx); err != nil {
			return err
		}
	}
	mux := http.NewServeMux()
	for route, handler := range service.Routes {
		mux.Handle(route, withSpan(route, handler))
	}
	failed := make(chan error, 2)
	servers := []*http.Server{
		{Addr: addr, Handler: mux, ReadTimeout: requestTimeout, WriteTimeout: requestTimeout},
		{Addr: pprofAddr, Handler: pprofHandler()},
	}
	for _, server := range servers {
		listener, err := net.Listen("tcp", server.Addr)
		if err != nil {
			return err
		}
		log.Printf("%s %s: http://%s", service.Name, service.Version, listener.Addr())
		go func() { failed <- server.Serve(listener) }()
	}
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	shutdown, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	for _, server := range servers {
		err = errors.Join(err, server.Shutdown(shutdown))
	}
	return errors.Join(err, stopTelemetry(shutdown))
}

func pprofHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/debug/heapdump", HeapDump)
	return mux
}

// statusRecorder remembers the status that a handler wrote.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// withSpan gives each request a server span that is ended, and left to the exporter, when the handler returns.
func withSpan(route string, next http.HandlerFunc) http.Handler {
	tracer := otel.Tracer("tidemark/examples")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parent := otel.GetTextMapPropagator().Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := tracer.Start(parent, fmt.Sprintf("%s %s", r.Method, route),
			trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(
				attribute.String("http.request.method", r.Method),
				attribute.String("http.route", route)))
		defer span.End()
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		next(recorder, r.WithContext(ctx))
		span.SetAttributes(attribute.Int("http.response.status_code", recorder.status))
		if recorder.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(recorder.status))
		}
	})
}
