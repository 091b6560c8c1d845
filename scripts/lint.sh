#!/usr/bin/env bash
# Checks what people wrote: the formatting, the project's own rules (TidyTests), the .proto files.
#
#   scripts/lint.sh [--without-tidy]     TidyTests are left to the run of all unit tests
set -uo pipefail
cd "$(dirname "$0")/.."

failed=0

# Generated Swift ends in .pb.swift or .grpc.swift and is not formatted by hand.
git ls-files -z '*.swift' ':!*.pb.swift' ':!*.grpc.swift' \
  | xargs -0 swift format lint --strict --parallel || failed=1

.venv/bin/buf lint || failed=1

# Every named bound is in docs/limits.md.
python3 scripts/limits.py --check || failed=1

if [ "${1:-}" != --without-tidy ]; then
  swift test --filter TidyTests || failed=1
fi

[ "$failed" -eq 0 ] && echo "lint: nothing to mend" || echo "lint: see above" >&2
exit "$failed"
