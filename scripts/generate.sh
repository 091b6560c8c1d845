#!/usr/bin/env bash
# Regenerates all code that comes from Protos/. With --check it changes nothing and fails if the
# committed code differs. Needs protoc, protoc-gen-c (Debian: protobuf-compiler, protobuf-c-compiler)
# and the plug-in, which it builds.
set -euo pipefail
cd "$(dirname "$0")/.."

check=false
if [ "${1:-}" = --check ]; then check=true; fi

# Where protoc's own files (google/protobuf/*.proto) are.
include=${PROTOBUF_INCLUDE:-/usr/include}
swift build --product protoc-gen-trunkline >&2
plugin=$(swift build --show-bin-path)/protoc-gen-trunkline
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# The first owner that fits counts. What only tests need is in no shipped program.
owners=owner=grpc/testing/:TestAPI:CTestAPI,owner=xds/:TestAPI:CTestAPI
owners+=,owner=opentelemetry/:WellKnown:CWellKnown
owners+=,owner=google/:WellKnown:CWellKnown,owner=grpc/:WellKnown:CWellKnown
owners+=,owner=trunkline/testing/:TestAPI:CTestAPI,owner=trunkline/:API:CAPI
owners+=,owner=livekit/:LiveKitAPI:CLiveKitAPI

run_protoc() { protoc -I Protos -I "$include" "$@"; }

# Runs the plug-in: what to emit, for which module, into which folder, from which files.
emit() {
  local what=$1 target=$2 folder=$out/$3
  shift 3
  mkdir -p "$folder"
  run_protoc --plugin="protoc-gen-trunkline=$plugin" --trunkline_out="$folder" \
    --trunkline_opt="emit=$what,target=$target,$owners" "$@"
}

# Generates a module of messages: Swift module, C module, their floor, and the files.
generate_messages() {
  local swift=$1 c=$2 floor=$3
  shift 3
  local folder=$out/Sources/$floor/$c
  emit messages "$swift" "Sources/$floor/$swift/Generated" "$@"
  emit c "$c" "Sources/$floor/$c" "$@"
  # Of descriptor.proto only the bytes are served: protoc-c is not asked for it.
  local file messages=()
  for file in "$@"; do
    if [ "$file" != google/protobuf/descriptor.proto ]; then messages+=("$file"); fi
  done
  set -- "${messages[@]}"
  run_protoc --include_imports -o "$out/original.binpb" "$@"
  "$plugin" rewrite < "$out/original.binpb" > "$out/rewritten.binpb"
  protoc --descriptor_set_in="$out/rewritten.binpb" --c_out="$folder/include" "$@"
  (cd "$folder/include" && find . -name '*.pb-c.c' | while read -r file; do
    mkdir -p "../$(dirname "$file")"
    mv "$file" "../$file"
  done)
}

wellknown=(any descriptor duration empty field_mask struct timestamp wrappers)
wellknown=("${wellknown[@]/%/.proto}")
wellknown=("${wellknown[@]/#/google/protobuf/}")
mapfile -t shared < <(cd Protos && find google grpc opentelemetry -name '*.proto' -not -path '*/testing/*' | sort)
mapfile -t grpc < <(cd Protos && find grpc opentelemetry/proto/collector -name '*.proto' -not -path '*/testing/*' | sort)
mapfile -t contract < <(cd Protos && find trunkline -name '*.proto' -not -path '*/testing/*' | sort)
mapfile -t livekit < <(cd Protos && find livekit -name '*.proto' | sort)
mapfile -t testing < <(cd Protos && find trunkline/testing grpc/testing xds -name '*.proto' | sort)

generate_messages WellKnown CWellKnown Runtime "${wellknown[@]}" "${shared[@]}"
generate_messages API CAPI Contract "${contract[@]}"
generate_messages LiveKitAPI CLiveKitAPI Contract "${livekit[@]}"
generate_messages TestAPI CTestAPI Testing "${testing[@]}"
emit services GRPCServices Sources/Runtime/GRPCServices/Generated "${grpc[@]}"
emit services API Sources/Contract/API/Generated "${contract[@]}"
emit services TestAPI Sources/Testing/TestAPI/Generated "${testing[@]}"

status=0
for folder in Runtime/CWellKnown Runtime/WellKnown/Generated Runtime/GRPCServices/Generated \
  Contract/CAPI Contract/API/Generated Contract/CLiveKitAPI \
  Contract/LiveKitAPI/Generated Testing/CTestAPI Testing/TestAPI/Generated; do
  folder=Sources/$folder
  if $check; then
    diff -r "$folder" "$out/$folder" >&2 || status=1
  else
    rm -rf "$folder"
    mkdir -p "$(dirname "$folder")"
    cp -R "$out/$folder" "$folder"
  fi
done
if [ $status -ne 0 ]; then echo "Generated code is stale: run make generate." >&2; fi
exit $status
