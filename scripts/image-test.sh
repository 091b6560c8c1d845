#!/usr/bin/env bash
# Proves without a registry of images that deploy/Containerfile builds and that its image serves.
#
#   scripts/image-test.sh [--whole]
#
# The base is made by debootstrap. The programs are compiled here and given to the last stage, or,
# with --whole, compiled by the file's own build stage with this machine's toolchain mounted. Needs root, and the packages of
# `scripts/deps.sh image`.
# What must not be in the image is looked for. Then its program is started as its user in its own
# root, and gRPC clients ask for its health and list the agents.
set -euo pipefail
cd "$(dirname "$0")/.."

whole=false
if [ "${1:-}" = --whole ]; then whole=true; fi
[ "$(id -u)" -eq 0 ] || { echo "image-test: needs root for debootstrap and chroot" >&2; exit 1; }

# Kept between runs: the base changes with Debian's point releases only.
store=${TRUNKLINE_IMAGE_STORE:-$PWD/.run/image}
mkdir -p "$store"
export BUILDAH_ISOLATION=chroot BUILDAH_FORMAT=oci
# The driver by its option: with a --root of its own buildah does not look at STORAGE_DRIVER.
buildah=(buildah --root "$store/storage" --runroot "$store/run" --storage-driver vfs)
server=
mounted=()
cleanup() {
  if [ -n "$server" ]; then kill "$server" 2> /dev/null || true; wait "$server" 2> /dev/null || true; fi
  for folder in "${mounted[@]}"; do umount "$folder" || true; done
  if [ -n "${container:-}" ]; then "${buildah[@]}" rm "$container" > /dev/null || true; fi
}
trap cleanup EXIT

say() { printf 'image-test: %s\n' "$*"; }

# image_from FOLDER NAME: an image whose only layer is the folder.
image_from() {
  local folder=$1 name=$2 made
  made=$("${buildah[@]}" from scratch)
  "${buildah[@]}" add --quiet "$made" "$folder" / > /dev/null
  "${buildah[@]}" commit --quiet --rm "$made" "$name" > /dev/null
}

if ! "${buildah[@]}" inspect --type image localhost/debian-base > /dev/null 2>&1; then
  if [ ! -f "$store/base.done" ]; then
    say "making the Debian base"
    rm -rf "$store/base"
    debootstrap --variant=minbase bookworm "$store/base" > "$store/debootstrap.log"
    touch "$store/base.done"
  fi
  image_from "$store/base" localhost/debian-base
fi

arguments=(--build-arg BASE_IMAGE=localhost/debian-base)
if $whole; then
  toolchain=$(dirname "$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")")
  say "the toolchain is $toolchain"
  if ! "${buildah[@]}" inspect --type image localhost/swift-base > /dev/null 2>&1; then
    # What an image of Swift has beside the toolchain.
    made=$("${buildah[@]}" from --pull-never localhost/debian-base)
    "${buildah[@]}" run "$made" -- sh -c 'apt-get update && apt-get install --yes \
      --no-install-recommends binutils git libc6-dev libcurl4 libedit2 libncurses6 libpython3.11 \
      libsqlite3-0 libstdc++-12-dev libxml2 libz3-4 tzdata zlib1g-dev' > "$store/swift-base.log"
    "${buildah[@]}" config \
      --env PATH="$toolchain/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
      "$made"
    "${buildah[@]}" commit --quiet --rm "$made" localhost/swift-base > /dev/null
  fi
  # The toolchain is mounted, not copied: it is 3 GiB, and vfs would copy it with each layer.
  arguments+=(--build-arg SWIFT_IMAGE=localhost/swift-base --volume "$toolchain:$toolchain:ro")
else
  say "compiling the programs"
  out=$store/out/out
  mkdir -p "$out"
  for product in trunklined trunkline; do
    swift build -c release --static-swift-stdlib --product "$product"
    cp ".build/release/$product" "$out/"
  done
  strip --strip-debug "$out"/*
  image_from "$store/out" localhost/trunkline-binaries
  arguments+=(--target prebuilt)
fi

say "building deploy/Containerfile"
"${buildah[@]}" build --pull-never --file deploy/Containerfile --tag localhost/trunkline \
  "${arguments[@]}" .

container=$("${buildah[@]}" from --pull-never localhost/trunkline)
root=$("${buildah[@]}" mount "$container")

say "looking for what must not be in it"
for tool in gcc g++ cc clang ld make swift swiftc python3 perl-doc; do
  if [ -n "$(find "$root/usr/bin" "$root/usr/local/bin" -name "$tool" -print -quit)" ]; then
    say "FAILED: the image holds $tool"; exit 1
  fi
done
user=$("${buildah[@]}" inspect --format '{{.OCIv1.Config.User}}' "$container")
[ "$user" = 10001:10001 ] || { say "FAILED: the image's user is '$user'"; exit 1; }
for binary in trunklined trunkline; do
  if chroot "$root" ldd "/usr/local/bin/$binary" | grep 'not found'; then
    say "FAILED: $binary misses libraries"; exit 1
  fi
done
mib() { du -sm "$1" | cut -f 1; }
say "size: $(mib "$root") MiB, of which trunklined $(mib "$root/usr/local/bin/trunklined") MiB"

say "starting it"
free_port() {
  PYTHONPATH=Tests/BlackBox .venv/bin/python -c 'import harness; print(harness.free_port())'
}
port=$(free_port)
hook=$(free_port)
mount --bind /dev "$root/dev" && mounted+=("$root/dev")
mount -t proc proc "$root/proc" && mounted+=("$root/proc")
chroot --userspec=10001:10001 "$root" /usr/bin/env -i \
  TRUNKLINE_DATA_DIR=/var/lib/trunkline TRUNKLINE_LISTEN="127.0.0.1:$port" \
  TRUNKLINE_WEBHOOK_LISTEN="127.0.0.1:$hook" TRUNKLINE_ADMIN_LISTEN=127.0.0.1:0 \
  /usr/local/bin/trunklined serve > "$store/trunklined.log" 2>&1 &
server=$!
.venv/bin/python - "$port" "$store/trunklined.log" << 'END' || { cat "$store/trunklined.log"; say "FAILED"; exit 1; }
import pathlib, re, sys
sys.path.insert(0, "Tests/BlackBox")
import harness

address = f"127.0.0.1:{sys.argv[1]}"
harness.wait_until(lambda: harness.is_serving(address), "the image's server")
token = re.search(r"^trk_\S+$", pathlib.Path(sys.argv[2]).read_text(), re.M).group()
harness.tokens[address] = lambda: token
code, answer, said = harness.buf_curl(
    address, "trunkline.v1.AgentService/ListAgents", {}
)
assert code == 0 and answer is not None, said
print("image-test: health is SERVING, ListAgents answers", answer)
END
[ "$(stat -c '%u %a' "$root/var/lib/trunkline")" = "10001 700" ] || {
  say "FAILED: the data folder is not the user's alone"; exit 1; }
say "passed"
