package main

import (
	"testing"
	"time"
	"unsafe"

	"go.opentelemetry.io/otel/trace"
)

var begin = time.Unix(1_700_000_000, 0)

func TestOldestMakesRoom(t *testing.T) {
	cache := newSpanCache(time.Minute, 3)
	for i := byte(1); i <= 10; i++ {
		cache.add(spanMetadata{span: trace.SpanID{i}, ended: begin})
	}
	if cache.size() != 3 || cache.ring[cache.oldest].span != (trace.SpanID{8}) {
		t.Errorf("size %d, oldest %v; want 3 and 08...", cache.size(), cache.ring[cache.oldest].span)
	}
}

func TestSweepForgetsWhatOutlivedItsTime(t *testing.T) {
	cache := newSpanCache(time.Minute, 100)
	for i := 0; i < 90; i++ {
		cache.add(spanMetadata{ended: begin.Add(time.Duration(i) * time.Second)})
	}
	cache.sweep(begin.Add(89 * time.Second))
	if cache.size() != 61 { // ended at second 29 to 89
		t.Errorf("size %d, want 61", cache.size())
	}
	cache.sweep(begin.Add(time.Hour))
	if cache.size() != 0 {
		t.Errorf("size %d, want 0", cache.size())
	}
}

func TestEntryHoldsMetadataOnly(t *testing.T) {
	if size := unsafe.Sizeof(spanMetadata{}); size > 120 {
		t.Errorf("an entry takes %d bytes, want at most 120", size)
	}
}
