#!/usr/bin/env bash
# Random filters, joins, groups and nearest searches over small cities: cimq and SpatiaLite give the same rows.
#   usage: scripts/torture queries [COUNT] [SEED]     (10000 20220810)
set -euo pipefail
cd "$(dirname "$0")/../.."
export CIMQ_RANDOM_QUERIES=${1:-10000} CIMQ_RANDOM_SEED=${2:-20220810}
exec swift test --filter RandomQueryTests
