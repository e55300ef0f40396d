#!/bin/bash
# Checks the finished libtidemark.so: what it needs, what it exports, how it reaches its thread-locals. Usage: check_so.sh FILE
set -u
so=$1
failed=0
fail() { echo "FAIL: $*"; failed=1; }

needed=$(readelf -d "$so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | tr '\n' ' ')
[ "$needed" = "ld-linux-x86-64.so.2 libc.so.6 " ] || fail "needs '$needed', not libc and the loader alone"

# What the hooks may call, and why each is safe wherever malloc is: glibc's own allocator, functions that work on their arguments
# alone, and those named here with their condition. Anything else needs a reason in this list.
allowed="
__libc_malloc __libc_free __libc_calloc __libc_realloc __libc_memalign __libc_valloc __libc_pvalloc
memcpy memmove memset memcmp strlen strcmp strncmp strchr strrchr
__errno_location getauxval __libc_stack_end __libc_single_threaded
dl_iterate_phdr
__register_atfork
__cxa_finalize __gmon_start__ _ITM_deregisterTMCloneTable _ITM_registerTMCloneTable
"
# dl_iterate_phdr takes the loader's lock: never under ours, never in a child of a threaded program (decision 0013).
# __register_atfork: from the constructor. The last line: the compiler's own start and end of a library.
undefined=$(nm -D --undefined-only "$so" | awk '{print $NF}' | sed 's/@.*//')
for name in $undefined; do
  grep -qw -- "$name" <<<"$allowed" || fail "calls $name, which is not on the list of what a hook may call"
done

exported=$(nm -D --defined-only "$so" | awk '{print $NF}' | sort)
expected=$(sed -n '/global:/,/local:/p' "$(dirname "$0")/../../src/recorder/exports.map" | sed 's/global:\|local:.*//' |
  tr -d ' \n' | tr ';' '\n' | sort)
[ "$exported" = "$expected" ] || fail "exports differ from exports.map: $(diff <(echo "$exported") <(echo "$expected"))"

# Thread-locals at a fixed offset from %fs, and every symbol bound at load: nothing is resolved, and so allocated, at a first call.
readelf -d "$so" | grep -q STATIC_TLS || fail "thread-locals are not initial-exec"
readelf -rW "$so" | grep -E 'R_X86_64_(DTPMOD64|DTPOFF64|TLSDESC|IRELATIVE)' && fail "has relocations of lazy thread-locals or resolvers"
readelf -d "$so" | grep -q 'BIND_NOW\|FLAGS_1.*NOW' || fail "binds symbols lazily"
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
