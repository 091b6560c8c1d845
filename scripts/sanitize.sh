#!/usr/bin/env bash
# Builds the tests with a sanitizer and runs them. A report of the sanitizer is a failure.
#
#   scripts/sanitize.sh address|thread [FILTER]              the unit tests
#   scripts/sanitize.sh address|thread blackbox [FILE...]    the programs, driven by black-box tests:
#                                                            what a network can send, without FILEs
set -euo pipefail
cd "$(dirname "$0")/.."

kind=${1:?address or thread}
folder=$PWD/.build/$kind
mkdir -p "$folder"
rm -f "$folder"/report.*
flags=(--sanitize="$kind" --scratch-path "$folder")
case "$kind" in
  address)
    # A task's memory is freed on another thread than it was taken on, which looks like a leak at
    # exit.
    export ASAN_OPTIONS=detect_leaks=0
    ;;
  thread)
    export TSAN_OPTIONS=halt_on_error=0:exitcode=66
    # The library of `Mutex` is not instrumented; see there.
    clang -O1 -fPIC -c scripts/tsan_mutex.c -o "$folder/tsan_mutex.o"
    flags+=(-Xlinker "$folder/tsan_mutex.o")
    ;;
  *) echo "sanitize: $kind is not address or thread" >&2; exit 2 ;;
esac
export SWIFT_BACKTRACE=enable=no
swift build --build-tests "${flags[@]}"

if [ "${2:-}" != blackbox ]; then
  # One test at a time, or those that wait for a peer's answer starve: the pool of tasks has one
  # thread per CPU. TidyTests read our sources; nothing that is shipped runs in them.
  # The sanitizers make mlock do nothing, which the test of locked memory would see.
  swift test --skip-build --no-parallel --skip TidyTests \
    --skip liesInMemoryThatIsLockedAndNotDumped "${flags[@]}" ${2:+--filter "$2"}
  exit
fi

files=("${@:3}")
[ ${#files[@]} -gt 0 ] || files=(attacks test_wire_rules.py test_web.py test_conformance.py \
  test_tls.py test_main_job.py test_webhooks.py)
# A program may end long after its report, or be killed: reports are looked for in files. Attacks
# hold the growth of a server's memory to a bound. The sanitizers keep notes of each byte (up to four,
# in ThreadSanitizer), and freed memory that AddressSanitizer holds back must not reach it alone.
export TRUNKLINE_GROWTH_FACTOR=4
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:log_path=$folder/report
export ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=4:thread_local_quarantine_size_kb=64
export TSAN_OPTIONS=${TSAN_OPTIONS:-}:log_path=$folder/report
failed=0
TRUNKLINE_BIN_DIR=$folder/debug .venv/bin/python -m pytest "${files[@]/#/Tests/BlackBox/}" \
  || failed=1
for report in "$folder"/report.*; do
  [ -e "$report" ] || continue
  cat "$report"
  failed=1
done
[ "$failed" -eq 0 ] && echo "sanitize: $kind reports nothing"
exit "$failed"
