#!/bin/sh
# What we write opens in `go tool pprof` and shows the same figures, comments and tags.
#   go_tool_check.sh PPROF_REWRITE
set -eu
rewrite=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PPROF_TMPDIR="$work"

expect() {  # expect FILE PATTERN
  grep -Eq "$2" "$1" || { echo "FAILED: no /$2/ in:"; cat "$1"; exit 1; }
  echo "ok: $2"
}

"$rewrite" "$here/go_heap.pb.gz" "$work/go.pb.gz"
go tool pprof -top "$here/go_heap.pb.gz" 2>/dev/null > "$work/before"
go tool pprof -top "$work/go.pb.gz" 2>/dev/null | sed '/^trigger: growth$/d' > "$work/after"
diff "$work/before" "$work/after"
echo "ok: -top is the same before and after"
expect "$work/after" '4MB +100% +100% .* main.keep'
go tool pprof -comments "$work/go.pb.gz" > "$work/comments" 2>/dev/null
expect "$work/comments" 'trigger: growth'
go tool pprof -tags "$work/go.pb.gz" > "$work/tags" 2>/dev/null
expect "$work/tags" 'trace_id'
expect "$work/tags" '0af7651916cd43dd8448eb211c80319c'
go tool pprof -sample_index=inuse_objects -raw "$work/go.pb.gz" > "$work/raw" 2>/dev/null
expect "$work/raw" '^alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes'

"$rewrite" "$here/jemalloc.heap" "$work/je.pb.gz"
go tool pprof -sample_index=inuse_space -raw "$work/je.pb.gz" > "$work/je" 2>/dev/null
expect "$work/je" '18766438'
expect "$work/je" '/opt/grow'
