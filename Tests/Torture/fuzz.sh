#!/usr/bin/env bash
# libFuzzer with AddressSanitizer on everything that reads bytes of strangers: Tests/CIMEngineTests/Fuzz, optimised.
#   usage: scripts/torture fuzz TARGET [RUNS] [SEED]     (10000000 1); without TARGET the targets are named
# What crashes, hangs or breaks a promise is left in .build-fuzz/; when it is mended it goes into Tests/Fixtures/fuzz/TARGET.
# FUZZ_SECONDS ends a run by time. A run after the engine has changed compiles it anew (some minutes).
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${1:-}
if [ -z "$target" ]; then
  sed -n 's/^  case \([a-z0-9, ]*\)$/targets: \1/p' Tests/CIMEngineTests/Fuzz/FuzzTarget.swift >&2
  exit 2
fi
out=$PWD/.build-fuzz
made=$out/made
if [ -e "$made/fuzz" ] && [ -n "$(find Sources Tests -name '*.swift' -newer "$made/fuzz" -print -quit)" ]; then
  rm -r "$made"
fi
mkdir -p "$made" "$out/found/$target"
features=(-O -wmo -g -swift-version 6 -package-name cimq -parse-as-library -enable-testing "-sanitize=fuzzer,address"
  -enable-upcoming-feature ExistentialAny -enable-upcoming-feature InternalImportsByDefault
  -enable-upcoming-feature MemberImportVisibility -I "$made")
if [ ! -e "$made/fuzz" ]; then
  # What is not to be fuzzed comes from an ordinary build: GRDB and the doors to C libraries.
  built=${CIMQ_BUILT:-}
  if [ -z "$built" ]; then
    scripts/build >&2
    built=$PWD/.build-release/release
  fi
  cp "$built"/Modules/GRDB.swiftmodule "$made/"
  maps=()
  for map in "$(dirname "$(realpath "$built")")"/../checkouts/GRDB.swift/Sources/GRDBSQLite \
    Sources/CPROJ Sources/CGEOS "$built"/CSimdJSON.build "$built"/CChecksum.build; do
    maps+=(-Xcc "-fmodule-map-file=$map/module.modulemap")
  done
  compile() { # NAME, sources: a module of that name and its object
    local name=$1
    shift
    swiftc "${features[@]}" "${maps[@]}" -module-name "$name" -emit-module -emit-module-path "$made/$name.swiftmodule" \
      -emit-object "$@" -o "$made/$name.o" >&2
  }
  [ -e "$made/SpatialIndex.o" ] || compile SpatialIndex Sources/SpatialIndex/*.swift
  mapfile -t engine < <(find Sources/CIMEngine -name '*.swift' | sort)
  [ -e "$made/CIMEngine.o" ] || compile CIMEngine "${engine[@]}"
  [ -e "$made/TestSupport.o" ] || compile TestSupport Tests/TestSupport/*.swift
  swiftc -static-stdlib "${features[@]}" "${maps[@]}" -module-name Fuzz Tests/Fuzz/*.swift \
    Tests/CIMEngineTests/Fuzz/Fuzz{Target,Files,Snapshot,Seeds}.swift Tests/CIMEngineTests/Snapshot/Snapshot{Support,Reading}.swift \
    "$made"/{SpatialIndex,CIMEngine,TestSupport}.o "$built"/{GRDB,CSimdJSON,CChecksum}.build/*.o \
    -lsqlite3 -lsimdjson -lstdc++ -o "$made/fuzz" >&2
fi
seeds=$out/seeds/$target
corpus=Tests/Fixtures/fuzz/$target
if [ "$target" = parser ]; then corpus=Tests/Fixtures/parser-corpus; fi
mkdir -p "$seeds" "$corpus"
FUZZ_TARGET=$target FUZZ_SEEDS=$seeds "$made/fuzz" -runs=0 -artifact_prefix="$out/" > /dev/null 2>&1 || true
# Leaks are looked for elsewhere: what libraries open at first use is never closed. Stacks of allocations are half the time.
export FUZZ_TARGET=$target ASAN_OPTIONS="detect_leaks=0:malloc_context_size=1:allocator_may_return_null=1:${ASAN_OPTIONS:-}"
exec "$made/fuzz" -runs="${2:-10000000}" -seed="${3:-1}" -max_len="${FUZZ_LENGTH:-4096}" -timeout=10 -rss_limit_mb=4096 \
  -artifact_prefix="$out/$target-" -max_total_time="${FUZZ_SECONDS:-0}" -print_final_stats=1 -print_funcs=0 -verbosity="${FUZZ_VERBOSITY:-0}" \
  "$out/found/$target" "$seeds" "$corpus"
