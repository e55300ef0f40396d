#!/bin/bash
# Checks the finished libtidemark.so: what it needs, what it exports, how it reaches its thread-locals. Usage: check_so.sh FILE
set -u
so=$1
failed=0
fail() { echo "FAIL: $*"; failed=1; }

needed=$(readelf -d "$so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | tr '\n' ' ')
[ "$needed" = "ld-linux-x86-64.so.2 libc.so.6 " ] || fail "needs '$needed', not libc and the loader alone"

undefined=$(nm -D --undefined-only "$so" | awk '{print $NF}')
for name in __tls_get_addr malloc free _Unwind_Backtrace _Unwind_Resume __cxa_throw dlsym printf abort; do
  echo "$undefined" | grep -qx "$name\(@.*\)\?" && fail "calls $name"
done

exported=$(nm -D --defined-only "$so" | awk '{print $NF}' | sort)
expected=$(sed -n '/global:/,/local:/p' "$(dirname "$0")/../../src/recorder/exports.map" | sed 's/global:\|local:.*//' |
  tr -d ' \n' | tr ';' '\n' | sort)
[ "$exported" = "$expected" ] || fail "exports differ from exports.map: $(diff <(echo "$exported") <(echo "$expected"))"

readelf -d "$so" | grep -q STATIC_TLS || fail "thread-locals are not initial-exec"
readelf -lW "$so" | grep -q "GNU_STACK.*RWE" && fail "stack is executable"
readelf -d "$so" | grep -q TEXTREL && fail "has text relocations"

# Probes of the OTel memory contract.
for probe in alloc free; do
  readelf -n "$so" | grep -A1 'Provider: otel_memory' | grep -q "Name: $probe$" || fail "has no probe otel_memory:$probe"
done

# The fast path: nothing but the countdown, the branch and the jump to glibc.
count=$(objdump -d --no-show-raw-insn --disassemble=malloc "$so" | sed -n '/<malloc>:/,/__libc_malloc/p' | grep -c '^ ')
[ "$count" -le 4 ] || fail "malloc's fast path has $count instructions, not 4"
count=$(objdump -d --no-show-raw-insn --disassemble=free "$so" | sed -n '/<free>:/,/jmp .*exits/p' | grep -c '^ ')
[ "$count" -le 4 ] || fail "free's fast path has $count instructions, not 4"

[ $failed = 0 ] && echo "libtidemark.so is as it should be"
exit $failed
