#!/usr/bin/env bash
# Builds the programs that a demonstration starts (debug: a few minutes from clean) and says so.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "Building trunklined, trunkline and carrier-sim (a few minutes the first time)..."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for product in trunklined trunkline carrier-sim; do
  swift build --product "$product" > "$log" 2>&1 || { cat "$log" >&2; exit 1; }
done
