// Writes a heap profile of known allocations: 64 blocks of 64 KiB kept by leak.keep, everything recorded.
package main

import (
	"os"
	"runtime"
	"runtime/pprof"
)

var kept [][]byte

//go:noinline
func keep(n int) {
	for i := 0; i < n; i++ {
		kept = append(kept, make([]byte, 64<<10))
	}
}

func main() {
	runtime.MemProfileRate = 1
	keep(64)
	runtime.GC()
	f, err := os.Create(os.Args[1])
	if err != nil {
		panic(err)
	}
	if err := pprof.Lookup("heap").WriteTo(f, 0); err != nil {
		panic(err)
	}
	f.Close()
	t, _ := os.Create(os.Args[2])
	pprof.Lookup("heap").WriteTo(t, 1)
	t.Close()
}
