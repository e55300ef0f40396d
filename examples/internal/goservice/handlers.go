package goservice

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strings"
)

const maxBody = 64 << 10 // bytes

// ReadBody reads the whole request body; on an error it has answered already.
func ReadBody(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, fmt.Sprintf("body: %v", err), http.StatusBadRequest)
		return nil, false
	}
	return body, true
}

// Receipt is what a checkout answers: the number of its order, made from what was ordered.
func Receipt(order []byte) string {
	sum := sha256.Sum256(order)
	return hex.EncodeToString(sum[:8])
}

var catalogue = []string{"anchor", "ballast", "buoy", "cleat", "compass", "drogue", "fender", "gaff", "halyard",
	"hawser", "jib", "keel", "lantern", "mast", "oar", "rudder", "sextant", "shackle", "tiller", "winch"}

// Search answers the articles that contain the parameter q.
func Search(w http.ResponseWriter, r *http.Request) {
	wanted := r.URL.Query().Get("q")
	var found []string
	for _, article := range catalogue {
		if strings.Contains(article, wanted) {
			found = append(found, strings.ToUpper(article))
		}
	}
	sort.Sort(sort.Reverse(sort.StringSlice(found)))
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string][]string{"articles": found})
}

// Health answers that the process is up.
func Health(w http.ResponseWriter, _ *http.Request) {
	io.WriteString(w, "ok\n")
}
