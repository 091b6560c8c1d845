// swift-tools-version: 6.2
import PackageDescription

/// Strict settings of every Swift target; reasons are in the style guide.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  // The floors are separate modules; without this a call across a module wall is never inlined.
  // It reaches what is marked `@usableFromInline package`.
  .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
  // Tests run with the checks for overlapping access; a call's path spends 7 % of its time on them.
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

/// The Swift runtime is inside what is shipped: a call into it is a plain call then, and a program
/// needs no Swift where it runs.
///
/// What Foundation stands on is named: a module that is linked into another does not bring it
/// along. Order does not count in a group, and what nobody refers to is left out.
let shipped: [LinkerSetting] = [
  .unsafeFlags(
    ["-static-stdlib", "-Xlinker", "--start-group"]
      + [
        "Foundation", "CoreFoundation", "FoundationInternationalization", "_FoundationICU",
        "FoundationEssentials", "_FoundationCollections", "_FoundationCShims",
        "swiftSynchronization", "stdc++",
      ].map { "-l\($0)" } + ["-Xlinker", "--end-group"],
    .when(platforms: [.linux], configuration: .release))
]

/// A system library found by pkg-config.
func system(_ name: String, pkgConfig: String, apt: String) -> Target {
  .systemLibrary(
    name: name, path: "Sources/CShims/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

/// A Swift library target on `floor`.
func module(_ floor: String, _ name: String, _ dependencies: [String] = []) -> Target {
  .target(
    name: name, dependencies: dependencies.map { .byName(name: $0) },
    path: "Sources/\(floor)/\(name)", swiftSettings: strict)
}

/// A program on `floor`.
func program(_ floor: String, _ name: String, _ dependencies: [String]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies.map { .byName(name: $0) },
    path: "Sources/\(floor)/\(name)", swiftSettings: strict, linkerSettings: shipped)
}

/// C code that protoc-c generated.
func generatedC(_ floor: String, _ name: String, _ dependencies: [String] = []) -> Target {
  .target(
    name: name, dependencies: (["CProtobufC"] + dependencies).map { .byName(name: $0) },
    path: "Sources/\(floor)/\(name)", publicHeadersPath: "include")
}

/// The tests of `name`, and what else they need.
func tests(_ name: String, _ dependencies: [String] = []) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: ([name] + dependencies).map { .byName(name: $0) },
    path: "Tests/\(name)Tests", exclude: [], swiftSettings: strict)
}

let package = Package(
  name: "trunkline",
  platforms: [.macOS(.v26)],
  products: [
    .executable(name: "trunklined", targets: ["trunklined"]),
    .executable(name: "trunkline", targets: ["trunkline"]),
    .executable(name: "carrier-sim", targets: ["carrier-sim"]),
    .executable(name: "protoc-gen-trunkline", targets: ["protoc-gen-trunkline"]),
  ],
  targets: [
    // CShims: the C libraries, and nothing of ours but macros turned into functions.
    system("CUV", pkgConfig: "libuv", apt: "libuv1-dev"),
    system("CNGHTTP2", pkgConfig: "libnghttp2", apt: "libnghttp2-dev"),
    system("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
    system("COpenSSL", pkgConfig: "openssl", apt: "libssl-dev"),
    system("CProtobufC", pkgConfig: "libprotobuf-c", apt: "libprotobuf-c-dev"),
    system("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
    system("CPostgres", pkgConfig: "libpq", apt: "libpq-dev"),
    system("CCurl", pkgConfig: "libcurl", apt: "libcurl4-openssl-dev"),
    system("CMicroHTTPD", pkgConfig: "libmicrohttpd", apt: "libmicrohttpd-dev"),
    .target(
      name: "CPhoneNumber", path: "Sources/CShims/CPhoneNumber", publicHeadersPath: "include",
      linkerSettings: [.linkedLibrary("phonenumber"), .linkedLibrary("stdc++")]),

    // Runtime
    module("Runtime", "Buffers"),
    module("Runtime", "Telemetry", ["Buffers"]),
    module("Runtime", "EventLoops", ["Buffers", "CUV"]),
    module("Runtime", "Crypto", ["Buffers", "COpenSSL"]),
    module("Runtime", "Compression", ["Buffers", "CZlib"]),
    module("Runtime", "TLS", ["Buffers", "COpenSSL"]),
    module("Runtime", "HTTP2", ["Buffers", "CNGHTTP2"]),
    module("Runtime", "Protobuf", ["Buffers", "CProtobufC"]),
    generatedC("Runtime", "CWellKnown"),
    module("Runtime", "WellKnown", ["Buffers", "Protobuf", "CProtobufC", "CWellKnown"]),
    module("Runtime", "GRPC", ["Buffers", "Protobuf", "Telemetry", "WellKnown"]),
    module(
      "Runtime", "GRPCTransport",
      [
        "Buffers", "Telemetry", "EventLoops", "TLS", "Compression", "HTTP2", "Protobuf",
        "WellKnown", "GRPC",
      ]),
    module("Runtime", "GRPCInProcess", ["Buffers", "Telemetry", "GRPC"]),
    module(
      "Runtime", "GRPCServices", ["Buffers", "Telemetry", "Protobuf", "WellKnown", "GRPC"]),
    module("Runtime", "HTTPClient", ["Buffers", "EventLoops", "CCurl"]),
    module("Runtime", "HTTPServer", ["Buffers", "EventLoops", "CMicroHTTPD"]),

    // Contract
    module("Contract", "ProtoGen", ["Buffers", "Protobuf"]),
    program("Contract", "protoc-gen-trunkline", ["ProtoGen"]),
    generatedC("Contract", "CAPI", ["CWellKnown"]),
    module(
      "Contract", "API",
      ["Buffers", "Protobuf", "CProtobufC", "CWellKnown", "WellKnown", "GRPC", "CAPI"]),
    generatedC("Contract", "CLiveKitAPI", ["CWellKnown"]),
    module(
      "Contract", "LiveKitAPI",
      ["Buffers", "Protobuf", "CProtobufC", "CWellKnown", "WellKnown", "CLiveKitAPI"]),

    // Domain
    module("Domain", "Telephony"),
    module("Domain", "Access", ["Telephony"]),
    module("Domain", "Registry", ["Telephony", "Access"]),
    module("Domain", "CallDispatch", ["Telephony", "Access"]),

    // Adapters
    module(
      "Adapters", "StoreSQL", ["Telephony", "Access", "Registry", "CallDispatch", "Crypto"]),
    module(
      "Adapters", "StoreSQLite",
      [
        "Telephony", "Access", "Registry", "CallDispatch", "EventLoops", "CSQLite", "StoreSQL",
      ]),
    module("Adapters", "StorePostgres", ["EventLoops", "Telemetry", "StoreSQL", "CPostgres"]),
    module(
      "Adapters", "Keyring",
      ["Telephony", "Access", "Registry", "CallDispatch", "Buffers", "Crypto"]),
    module("Adapters", "NumberPlan", ["Telephony", "CPhoneNumber"]),
    module(
      "Adapters", "Twilio",
      ["Telephony", "Registry", "CallDispatch", "Buffers", "Crypto", "EventLoops", "HTTPClient"]),

    module(
      "Adapters", "LiveKit",
      [
        "Telephony", "Registry", "Buffers", "Crypto", "HTTPClient", "LiveKitAPI", "Protobuf",
        "WellKnown",
      ]),

    // Apps
    module(
      "Apps", "Services",
      [
        "Buffers", "Telemetry", "EventLoops", "Crypto", "Protobuf", "WellKnown", "GRPC",
        "HTTPClient", "HTTPServer", "API", "Telephony", "Access", "Registry", "CallDispatch",
        "Keyring", "Twilio",
      ]),
    module("Apps", "CommandLine", ["Buffers", "Protobuf", "WellKnown", "GRPC", "API"]),
    program(
      "Apps", "trunklined",
      [
        "Buffers", "Telemetry", "EventLoops", "Crypto", "GRPC", "GRPCTransport", "GRPCServices",
        "GRPCInProcess", "HTTPClient", "HTTPServer", "API", "Telephony", "Access", "Registry",
        "CallDispatch", "StoreSQL", "StoreSQLite", "StorePostgres", "Keyring", "NumberPlan",
        "Twilio", "LiveKit", "Services", "CommandLine",
      ]),
    program(
      "Apps", "trunkline",
      ["CommandLine", "EventLoops", "GRPC", "GRPCTransport", "API", "Protobuf", "WellKnown"]),
    module(
      "Apps", "CarrierSim",
      [
        "Buffers", "Crypto", "EventLoops", "HTTPClient", "HTTPServer", "LiveKitAPI", "Protobuf",
        "Telephony", "WellKnown",
      ]),
    program("Apps", "carrier-sim", ["CarrierSim", "EventLoops", "CommandLine"]),

    // Testing
    generatedC("Testing", "CTestAPI", ["CWellKnown"]),
    module(
      "Testing", "TestAPI",
      ["Buffers", "Protobuf", "CProtobufC", "CWellKnown", "WellKnown", "GRPC", "CTestAPI"]),
    program(
      "Testing", "protobuf-roundtrip", ["Protobuf", "WellKnown", "API", "LiveKitAPI", "TestAPI"]),
    module(
      "Testing", "TestKit",
      [
        "Buffers", "COpenSSL", "HTTPClient", "Protobuf", "GRPC", "Telephony", "Access", "Registry",
        "CallDispatch",
      ]),
    module("Testing", "Interop", ["EventLoops", "GRPC", "Protobuf", "TestAPI", "WellKnown"]),
    program(
      "Testing", "interop-server",
      ["EventLoops", "GRPC", "GRPCServices", "GRPCTransport", "HTTP2", "Interop"]),
    program(
      "Testing", "interop-client",
      ["EventLoops", "GRPC", "GRPCTransport", "Interop", "TLS"]),
    program(
      "Testing", "Bench",
      [
        "EventLoops", "GRPC", "GRPCTransport", "GRPCServices", "HTTPServer", "TLS", "Telemetry",
        "WellKnown", "TestAPI", "Telephony", "Registry", "StoreSQL", "StoreSQLite",
        "StorePostgres",
      ]),

    // Tests
    .testTarget(name: "TidyTests", path: "Tests/TidyTests", swiftSettings: strict),
    tests("HTTPClient", ["EventLoops"]),
    tests("HTTPServer", ["EventLoops", "HTTPClient"]),
    tests("NumberPlan", ["Telephony"]),
    tests(
      "Twilio",
      [
        "Telephony", "Registry", "CallDispatch", "EventLoops", "HTTPClient", "HTTPServer",
        "TestKit",
      ]),
    tests(
      "LiveKit",
      [
        "Buffers", "Crypto", "HTTPClient", "LiveKitAPI", "Protobuf", "Registry", "Telephony",
        "TestKit",
      ]),
    tests("Telephony"),
    tests("Access", ["Telephony"]),
    tests("Registry", ["Telephony", "Access", "TestKit"]),
    tests("CallDispatch", ["Telephony", "Access", "TestKit"]),
    tests("Buffers"),
    tests("Compression", ["Buffers"]),
    tests("EventLoops", ["Buffers"]),
    .testTarget(
      name: "ProtoGenTests", dependencies: ["ProtoGen", "Protobuf"], path: "Tests/ProtoGenTests",
      exclude: ["Golden"], swiftSettings: strict),
    tests("Protobuf", ["Buffers", "WellKnown", "API", "TestAPI"]),
    tests("GRPC", ["Buffers", "Protobuf", "WellKnown"]),
    tests("GRPCInProcess", ["GRPC", "Telemetry", "TestKit"]),
    tests(
      "GRPCTransport",
      [
        "Buffers", "Compression", "EventLoops", "GRPC", "HTTP2", "Protobuf", "TLS", "Telemetry",
        "TestKit", "WellKnown",
      ]),
    tests("Interop", ["EventLoops", "GRPC", "GRPCInProcess", "TestAPI"]),
    tests("GRPCServices", ["GRPC", "GRPCInProcess", "Telemetry", "WellKnown"]),
    tests("HTTP2", ["Buffers", "CNGHTTP2"]),
    tests("Crypto", ["Buffers", "EventLoops"]),
    tests("TLS", ["Buffers", "COpenSSL", "TestKit"]),
    tests(
      "Services",
      [
        "API", "Access", "CallDispatch", "GRPC", "GRPCInProcess", "Protobuf", "Registry",
        "Telephony", "TestKit", "WellKnown",
      ]),
    tests("Telemetry"),
    tests("StoreSQL", ["Access", "Registry", "Telephony", "TestKit"]),
    tests(
      "StoreSQLite",
      ["TestKit", "Access", "Registry", "CallDispatch", "EventLoops", "Telephony", "StoreSQL"]),
    tests(
      "StorePostgres",
      [
        "EventLoops", "Telemetry", "StoreSQL", "TestKit", "Registry", "CallDispatch", "Telephony",
      ]),
    tests(
      "CommandLine", ["API", "GRPC", "GRPCInProcess", "Protobuf", "WellKnown"]),
    tests("Keyring", ["Buffers", "CallDispatch", "Crypto", "Registry", "Telephony"]),
    tests(
      "CarrierSim",
      [
        "Buffers", "Crypto", "EventLoops", "HTTPClient", "LiveKit", "LiveKitAPI", "Protobuf",
        "Registry", "Telephony", "TestKit", "Twilio", "WellKnown",
      ]),
  ]
)

// `TRUNKLINE_PART=runtime swift build` leaves out what stands on the runtime: the quick loop for
// work below the services. Nothing that is shipped or tested in full is built this way.
// `fuzz` adds what `scripts/fuzz.sh` builds: it links with libFuzzer alone.
let part = Context.environment["TRUNKLINE_PART"]
if part == "runtime" || part == "fuzz" {
  let above = [
    "/Contract/API", "/Contract/CAPI", "/Contract/LiveKitAPI", "/Contract/CLiveKitAPI",
    "/Adapters/", "/Apps/",
  ]
  let left: (Target) -> Bool = { target in
    // Twilio's webhooks and answers are fuzzed too.
    if part == "fuzz", target.name == "Twilio" { return false }
    return above.contains { (target.path ?? "").contains($0) }
  }
  let gone = Set(package.targets.filter(left).map(\.name)).union(["protobuf-roundtrip"])
  let users: (Target) -> Bool = { target in
    target.dependencies.contains { dependency in
      if case .byNameItem(let name, _) = dependency { return gone.contains(name) }
      return false
    }
  }
  package.targets.removeAll { gone.contains($0.name) || users($0) }
  package.products.removeAll { gone.contains($0.name) }
}
if part == "fuzz" {
  package.targets.removeAll(where: \.isTest)
  package.targets.append(
    .executableTarget(
      name: "Fuzz",
      dependencies: [
        "Buffers", "CallDispatch", "Compression", "EventLoops", "GRPC", "GRPCServices",
        "GRPCTransport", "HTTP2", "HTTPClient", "HTTPServer", "Protobuf", "TLS", "Telemetry",
        "Telephony", "TestAPI", "TestKit", "Twilio", "WellKnown",
      ],
      path: "Sources/Testing/Fuzz",
      swiftSettings: strict))
}
