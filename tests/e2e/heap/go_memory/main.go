// Command subject has a heap of every kind of object: small ones with pointers, without, with a header, large ones, maps, interfaces,
// finalizers. It collects garbage, says how many objects and bytes the runtime then counts, and
//
//	subject NODES tick    counts on its standard output, allocating nothing
//	subject NODES load    goes on making and dropping such heaps, counting them
//	subject NODES crash   dies of a nil pointer
package main

import (
	"os"
	"runtime"
	"strconv"
	"time"
)

type node struct {
	next  *node
	name  string
	value any
	pad   [40]byte
}

type wide struct { // in a slot of more than 512 bytes
	slots [80]*node
	tail  [3]uint64
}

type huge struct { // more than 32 KiB
	slots [5000]*node
}

var (
	byName  = map[string]*node{}
	wides   []*wide
	hugeOne *huge
	buffers [][]byte
	stats   runtime.MemStats
)

func fill(nodes int) {
	var last *node
	for i := 0; i < nodes; i++ {
		n := &node{next: last, name: "node-" + strconv.Itoa(i), value: i}
		if last = n; i%10 == 0 {
			byName[n.name] = n
			last = nil
		}
		if i%100 == 0 {
			w := &wide{}
			w.slots[i/100%80] = n
			wides = append(wides, w)
			buffers = append(buffers, make([]byte, 3000))
		}
	}
	hugeOne = &huge{}
	hugeOne.slots[4999] = last
}

func worker(stop chan int, kept *node) {
	<-stop
	println(kept.name)
}

// Writes a line without allocating.
func say(words ...int) {
	var line [80]byte
	text := line[:0]
	for _, word := range words {
		text = strconv.AppendInt(text, int64(word), 10)
		text = append(text, ' ')
	}
	text[len(text)-1] = '\n'
	os.Stdout.Write(text)
}

func main() {
	nodes, _ := strconv.Atoi(os.Args[1])
	fill(nodes)
	stop := make(chan int)
	for i := 0; i < 10; i++ {
		go worker(stop, &node{name: "kept by a worker"})
	}
	file, _ := os.Open("/dev/null") // has a finalizer, later a cleanup
	time.Sleep(50 * time.Millisecond)
	say(0, 0) // what a first line allocates is not counted
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	say(int(stats.HeapObjects), int(stats.HeapAlloc))
	switch os.Args[2] {
	case "crash":
		var nothing *node
		nothing.name = "dies"
	case "load":
		for ticks := 1; ; ticks++ {
			fill(1000)
			if ticks%200 == 0 {
				wides, buffers, byName = nil, nil, map[string]*node{}
			}
			say(ticks)
		}
	default:
		for ticks := 1; ; ticks++ {
			time.Sleep(10 * time.Millisecond)
			say(ticks)
		}
	}
	runtime.KeepAlive(file)
}
