#!/usr/bin/env bash
# Builds and runs every test, and closes with a line for each part. Ends 0 when all passed.
#
# `make test` calls it with the packages and .venv in place. The parts go on after one that failed,
# but for the build: nothing runs without it.
set -uo pipefail
cd "$(dirname "$0")/.."

summary=()
failed=0
started=$SECONDS

# part NAME COMMAND...: runs the command and notes how it went.
part() {
  local name=$1 begun=$SECONDS result
  shift
  printf '\n==> %s\n' "$name"
  if "$@"; then result=passed; else result=FAILED; failed=1; fi
  summary+=("$(printf '%-34s %-7s %5d s' "$name" "$result" $((SECONDS - begun)))")
  [ "$result" = passed ]
}

finish() {
  printf '\n==> summary\n'
  printf '  %s\n' "${summary[@]}"
  printf '  %-34s %-7s %5d s\n' all \
    "$([ "$failed" -eq 0 ] && echo passed || echo FAILED)" $((SECONDS - started))
  exit "$failed"
}

part "build" \
  swift build --build-tests --explicit-target-dependency-import-check error || finish
part "lint" scripts/lint.sh --without-tidy
# What takes a thread for long, reading all sources or starting clusters, would starve the tests that
# watch the clock of a real server: each has a part of its own.
part "unit tests" swift test --skip-build --skip StorePostgresTests --skip TidyTests
part "unit tests on PostgreSQL" swift test --skip-build --filter StorePostgresTests
part "tidy" swift test --skip-build --filter TidyTests
part "generated code is up to date" scripts/generate.sh --check
part "fuzzing, a short run" scripts/fuzz.sh short
part "black-box tests" .venv/bin/python -m pytest Tests/BlackBox
finish
