#!/usr/bin/env bash
# Makes .venv with the tools of the black-box tests, or brings it up to date. Does nothing when it
# is up to date. Needs python3 (3.11 or newer) with venv.
#
#   scripts/venv.sh [bench]     bench: with what `make bench` draws its plot with
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=(Tests/BlackBox/requirements.txt)
stamp=.venv/requirements.txt
if [ "${1:-}" = bench ]; then
  requirements+=(scripts/benchmark/requirements.txt)
  stamp=.venv/requirements-bench.txt
fi

# Two makes at once must not write into the same folder.
exec 9> .venv.lock
flock 9

if [ -x .venv/bin/python ] && cat "${requirements[@]}" | cmp -s - "$stamp"; then
  exit 0
fi
if [ ! -x .venv/bin/python ]; then
  rm -rf .venv
  # The distribution's own Python first: another one on the path may come without venv.
  python=/usr/bin/python3
  [ -x "$python" ] || python=python3
  "$python" -m venv .venv
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check "${requirements[@]/#/--requirement=}"
cat "${requirements[@]}" > "$stamp"
