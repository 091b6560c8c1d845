#!/usr/bin/env bash
# Builds the unit tests with a sanitizer and runs them.
#
#   scripts/sanitize.sh address|thread [FILTER]
set -euo pipefail
cd "$(dirname "$0")/.."

kind=${1:?address or thread}
case "$kind" in
  # A task's memory is freed on another thread than it was taken on, which looks like a leak at exit.
  address) export ASAN_OPTIONS=detect_leaks=0 ;;
  thread) export TSAN_OPTIONS=halt_on_error=0:exitcode=66:suppressions=$PWD/scripts/tsan.supp ;;
  *) echo "sanitize: $kind is not address or thread" >&2; exit 2 ;;
esac
export SWIFT_BACKTRACE=enable=no
swift build --build-tests --sanitize="$kind" --scratch-path ".build/$kind"
swift test --skip-build --sanitize="$kind" --scratch-path ".build/$kind" ${2:+--filter "$2"}
