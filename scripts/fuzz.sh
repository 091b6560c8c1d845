#!/usr/bin/env bash
# Fuzzes what parses bytes from a network, with libFuzzer and AddressSanitizer.
#
#   scripts/fuzz.sh [SECONDS [TARGET...]]   60 seconds for each of all targets without arguments
#   scripts/fuzz.sh short                   the corpora and 10,000 inputs from a fixed seed, or as many
#                                           as 3 seconds allow, as in `make test`
#   scripts/fuzz.sh keep [TARGET...]        takes what was found into the corpora, the smallest inputs
#
# The corpora are in Tests/Fuzz/TARGET; what is found beside them stays in .build/fuzz/corpus. A crash
# leaves its input in .build/fuzz/TARGET-crash-*; add it to the corpus with the mend.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(frames metadata timeout status trace protobuf json \
  session tls connection client web query base64 http1 form signature answer)

# How many inputs of one target are committed at most.
kept_max=100

export TRUNKLINE_PART=fuzz
build() {
  swift build --product Fuzz --scratch-path .build/fuzz/build \
    -Xswiftc -use-ld=lld -Xswiftc -sanitize=fuzzer,address \
    -Xswiftc -sanitize-coverage=edge,inline-8bit-counters,pc-table,trace-cmp \
    -Xcc -fsanitize=address -Xcc -fsanitize-coverage=inline-8bit-counters,pc-table,trace-cmp "$@"
}
build >&2
program=$(build --show-bin-path)/Fuzz

# Swift's tasks end on other threads than they began on, which leak detection takes for leaks. A
# request of the reflection service may be large; the limit finds growth without bound.
rm -rf .build/fuzz/short
mkdir -p .build/fuzz/short
export ASAN_OPTIONS=detect_leaks=0 SWIFT_BACKTRACE=enable=no
for target in "${targets[@]}"; do
  grown=.build/fuzz/corpus/$target
  mkdir -p "$grown" "Tests/Fuzz/$target"
  export FUZZ_TARGET=$target
  if [ "$seconds" = keep ]; then
    # The fewest inputs that reach all that is reached, and of those the smallest.
    rm -rf .build/fuzz/merged
    mkdir .build/fuzz/merged
    "$program" -merge=1 -max_len=1024 -verbosity=0 .build/fuzz/merged "Tests/Fuzz/$target" "$grown"
    find .build/fuzz/merged -type f -printf '%s %p\n' | sort -n | head -n "$kept_max" \
      | cut -d' ' -f2 | xargs -I{} cp {} "Tests/Fuzz/$target/"
    continue
  fi
  if [ "$seconds" = short ]; then
    cp -r "Tests/Fuzz/$target/." .build/fuzz/short
    "$program" -runs=10000 -seed=1 -max_total_time=3 -max_len=4096 -timeout=30 -verbosity=0 \
      -rss_limit_mb=4096 -artifact_prefix=".build/fuzz/$target-" .build/fuzz/short \
      > ".build/fuzz/$target.log" 2>&1 || { tail -n 80 ".build/fuzz/$target.log"; exit 1; }
    echo "fuzz: $target passes its corpus of $(find "Tests/Fuzz/$target" -type f | wc -l) inputs, and more"
    rm -rf .build/fuzz/short
    mkdir .build/fuzz/short
    continue
  fi
  printf '\n==> fuzz %s, %s s\n' "$target" "$seconds"
  "$program" -max_total_time="$seconds" -max_len=4096 -timeout=30 \
    -rss_limit_mb=4096 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix=".build/fuzz/$target-" "$grown" "Tests/Fuzz/$target"
done
