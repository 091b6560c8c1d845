#!/usr/bin/env bash
# Installs the Debian packages that are missing, and nothing else.
#
#   scripts/deps.sh [GROUP...]     groups: build test bench image; without one: build test
#
# Idempotent: with everything in place it asks dpkg once and ends. Needs root or sudo only when
# something is missing. A Swift 6.3 toolchain is expected to be there.
set -euo pipefail

# What the programs are compiled and linked against.
build=(
  git make pkg-config libstdc++-12-dev libc6-dev
  libuv1-dev libnghttp2-dev libssl-dev zlib1g-dev libprotobuf-c-dev libsqlite3-dev libpq-dev
  libcurl4-openssl-dev libmicrohttpd-dev libphonenumber-dev
)
# What generates and compares the API, what the black-box tests run in, and C++ gRPC, a peer of the
# interop tests. curl and Chromium call by Connect and gRPC-Web. A PostgreSQL server, for the store
# on it; util-linux has setpriv, which starts it as a user that is not root.
test=(
  protobuf-compiler protobuf-c-compiler python3 python3-venv ca-certificates procps openssl
  g++ libgrpc++-dev libprotobuf-dev protobuf-compiler-grpc
  curl chromium
  postgresql-15 util-linux
)
# What `make bench` measures with and against.
bench=(
  python3 python3-venv nghttp2-client nghttp2-server util-linux
  g++ libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
  postgresql-15
)
# What `make image` and scripts/image-test.sh need where there is no Docker.
image=(buildah debootstrap)

# Package and lowest version. Debian's security fixes for floods of RESET and CONTINUATION frames
# are in these builds of nghttp2; an older one is not good enough.
minimum=("libnghttp2-dev 1.52.0-1+deb12u3" "libnghttp2-14 1.52.0-1+deb12u3")

if ! command -v dpkg-query > /dev/null; then
  echo "deps: this is not a Debian system. Install by hand what these packages hold:" >&2
  printf '  %s\n' "${build[@]}" "${test[@]}" >&2
  exit 1
fi

wanted=()
for group in "${@:-build}"; do
  case "$group" in
    build) wanted+=("${build[@]}") ;;
    test) wanted+=("${test[@]}") ;;
    bench) wanted+=("${bench[@]}") ;;
    image) wanted+=("${image[@]}") ;;
    *) echo "deps: there is no group '$group'; groups are: build test bench image" >&2; exit 2 ;;
  esac
done
[ $# -gt 0 ] || wanted+=("${test[@]}")

# The version of an installed package; nothing when it is not (wholly) installed.
installed() {
  { dpkg-query --show --showformat='${db:Status-Status} ${Version}\n' "$1" 2> /dev/null || true; } \
    | sed -n 's/^installed //p'
}

missing=()
for package in "${wanted[@]}"; do
  [ -n "$(installed "$package")" ] || missing+=("$package")
done
for line in "${minimum[@]}"; do
  read -r package lowest <<< "$line"
  version=$(installed "$package")
  if [ -n "$version" ] && dpkg --compare-versions "$version" lt "$lowest"; then
    echo "deps: $package is $version; $lowest or newer is needed, upgrading."
    missing+=("$package")
  fi
done

if [ ${#missing[@]} -gt 0 ]; then
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo > /dev/null || {
      echo "deps: missing: ${missing[*]}. Run this as root, or install sudo." >&2
      exit 1
    }
    as_root=(sudo)
  fi
  apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get --quiet --yes --option DPkg::Lock::Timeout=300 "$@"
  }
  echo "deps: installing ${missing[*]}"
  # The lists at hand may be absent or too old to fetch from; only then are they renewed.
  apt install --no-install-recommends "${missing[@]}" > /dev/null 2>&1 || {
    apt update > /dev/null
    apt install --no-install-recommends "${missing[@]}"
  }
fi

for line in "${minimum[@]}"; do
  read -r package lowest <<< "$line"
  version=$(installed "$package")
  if [ -n "$version" ] && dpkg --compare-versions "$version" lt "$lowest"; then
    echo "deps: $package is $version, but $lowest or newer is needed, and the configured" >&2
    echo "deps: package sources have none. Add Debian's security updates and run this again." >&2
    exit 1
  fi
done

command -v swift > /dev/null || {
  echo "deps: no 'swift' on the path; install a Swift 6.3 toolchain." >&2
  exit 1
}
