package main

import (
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// spanMetadata is what is worth remembering of an ended span: 56 bytes, no pointer but the time's zone.
type spanMetadata struct {
	trace    trace.TraceID
	span     trace.SpanID
	duration time.Duration
	ended    time.Time
}

// spanCache is a ring of the latest ended spans. Its memory is taken once; the oldest entry makes room for a new one,
// and sweep forgets those that have outlived their time. Safe for many goroutines.
type spanCache struct {
	lifetime time.Duration

	mutex   sync.Mutex
	ring    []spanMetadata
	oldest  int
	entries int
}

func newSpanCache(lifetime time.Duration, entries int) *spanCache {
	return &spanCache{lifetime: lifetime, ring: make([]spanMetadata, entries)}
}

func (c *spanCache) add(span spanMetadata) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.entries == len(c.ring) {
		c.dropOldest()
	}
	c.ring[(c.oldest+c.entries)%len(c.ring)] = span
	c.entries++
}

// sweep forgets the spans that had ended before now - lifetime.
func (c *spanCache) sweep(now time.Time) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for c.entries > 0 && c.ring[c.oldest].ended.Before(now.Add(-c.lifetime)) {
		c.dropOldest()
	}
}

func (c *spanCache) dropOldest() {
	c.ring[c.oldest] = spanMetadata{}
	c.oldest = (c.oldest + 1) % len(c.ring)
	c.entries--
}

func (c *spanCache) size() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.entries
}
