#!/usr/bin/env bash
# The fuzzer of lexer and parser (libFuzzer): Tests/Fuzz/QueryFuzzer.swift with the sources of both, optimised.
#   usage: scripts/torture parser [RUNS] [SEED]     (10000000 1)
# A text that crashes or hangs is left in .build-fuzz/; put it into Tests/Fixtures/parser-corpus when it is mended.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$PWD/.build-fuzz
mkdir -p "$out/found"
engine=Sources/CIMEngine
features=(-swift-version 6 -package-name cimq -parse-as-library -enable-upcoming-feature ExistentialAny
  -enable-upcoming-feature InternalImportsByDefault -enable-upcoming-feature MemberImportVisibility)
if [ ! -e "$out/SpatialIndex.o" ]; then
  swiftc -O -wmo "${features[@]}" -module-name SpatialIndex -emit-module -emit-module-path "$out/SpatialIndex.swiftmodule" \
    -emit-object Sources/SpatialIndex/*.swift -o "$out/SpatialIndex.o"
fi
swiftc -O -wmo -sanitize=fuzzer "${features[@]}" -module-name CIMEngine -I "$out" \
  $engine/Model/*.swift $engine/Query/Lex/*.swift $engine/Query/Parse/*.swift $engine/Query/QueryError.swift \
  $engine/Query/QueryError+Rendering.swift $engine/Messages/*.swift $engine/Output/DisplayWidth.swift \
  $engine/Geometry/{WKT,NumberText,GeometryBytes,GeometryView+Locate,Orientation,Segments}.swift \
  Tests/Fuzz/QueryFuzzer.swift "$out/SpatialIndex.o" -o "$out/fuzz"
exec "$out/fuzz" -runs="${1:-10000000}" -seed="${2:-1}" -max_len=2048 -timeout=10 -rss_limit_mb=4096 -artifact_prefix="$out/" \
  -print_final_stats=1 -print_funcs=0 -verbosity=0 "$out/found" Tests/Fixtures/parser-corpus
