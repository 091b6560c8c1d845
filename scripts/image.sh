#!/usr/bin/env bash
# Builds the container image `trunkline:latest` with docker, podman or buildah, whichever works first.
#
#   scripts/image.sh [BUILD OPTION...]    as --build-arg SWIFT_IMAGE=...; see deploy/Containerfile
#
# Environment: IMAGE is the name of the image. Where no registry of images can be reached,
# scripts/image-test.sh makes its own base.
set -euo pipefail
cd "$(dirname "$0")/.."

image=${IMAGE:-trunkline:latest}

if command -v docker > /dev/null && docker info > /dev/null 2>&1; then
  exec docker build --file deploy/Containerfile --tag "$image" "$@" .
elif command -v podman > /dev/null; then
  exec podman build --file deploy/Containerfile --tag "$image" "$@" .
elif command -v buildah > /dev/null; then
  exec buildah build --file deploy/Containerfile --tag "$image" "$@" .
fi
echo "image: needs docker (with its daemon running), podman or buildah;" >&2
echo "image: scripts/deps.sh image installs buildah." >&2
exit 1
