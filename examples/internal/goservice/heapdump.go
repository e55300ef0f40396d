package goservice

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
)

var oneHeapDump sync.Mutex

// HeapDump answers who refers to whom in this process's heap, without its contents: what `tidemark shrink`, which must
// be in PATH, makes of the runtime's heap dump. The program stands still while that is written, some 0.1 s for each
// 100 MB.
func HeapDump(w http.ResponseWriter, _ *http.Request) {
	oneHeapDump.Lock()
	defer oneHeapDump.Unlock()
	shrunk, err := os.CreateTemp("", "heapdump-*")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer shrunk.Close()
	os.Remove(shrunk.Name()) // it goes with its descriptor
	if err := writeShrunk(shrunk); err != nil {
		http.Error(w, fmt.Sprintf("heap dump: %v", err), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	io.Copy(w, shrunk)
}

// writeShrunk leaves file at its beginning. No goroutine runs while the runtime writes, so both ends of what it writes
// into belong to others: a pipe in blocking mode, and a program that writes into a file.
func writeShrunk(file *os.File) error {
	var pipe [2]int
	if err := syscall.Pipe2(pipe[:], syscall.O_CLOEXEC); err != nil {
		return err
	}
	shrink := exec.Command("tidemark", "shrink", "-", "--out", "-")
	shrink.Stdin = os.NewFile(uintptr(pipe[0]), "heap dump")
	shrink.Stdout = file
	err := shrink.Start()
	shrink.Stdin.(*os.File).Close()
	if err == nil {
		runtime.GC() // what only garbage holds is not held
		debug.WriteHeapDump(uintptr(pipe[1]))
	}
	syscall.Close(pipe[1])
	if err == nil {
		err = shrink.Wait()
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	return err
}
