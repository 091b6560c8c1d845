/// What each target may import. An arrow that is not here does not exist; Package.swift's lists are
/// the same, but the compiler lets transitive and system modules pass.
enum ImportTable {
  /// The modules that one target may import.
  struct Row: Sendable {
    let floor: String
    /// Modules of this package.
    let ours: Set<String>
    /// Modules of the toolchain and the system.
    let system: Set<String>

    init(_ floor: String, _ ours: [String] = [], system: [String] = []) {
      self.floor = floor
      self.ours = Set(ours)
      self.system = Set(system)
    }
  }

  /// From the ground up. Arrows point down, and to neighbours only where a row says so.
  static let floors = ["CShims", "Runtime", "Contract", "Domain", "Adapters", "Apps", "Testing"]

  /// The C modules, which import nothing of ours.
  static let shims: Set<String> = [
    "CUV", "CNGHTTP2", "COpenSSL", "CProtobufC", "CSQLite", "CPostgres", "CCurl", "CMicroHTTPD",
    "CPhoneNumber", "CZlib", "CWellKnown", "CAPI", "CLiveKitAPI",
    "CTestAPI",
  ]

  static let rows: [String: Row] = runtime.merging(upper) { first, _ in first }

  /// Glibc: sockets, files, clocks and memcmp. Synchronization: `Mutex` and `Atomic`.
  private static let runtime: [String: Row] = [
    "Buffers": Row("Runtime", system: ["Glibc"]),
    "Telemetry": Row("Runtime", ["Buffers"], system: ["Glibc", "Synchronization"]),
    "EventLoops": Row("Runtime", ["Buffers", "CUV"], system: ["Glibc", "Synchronization"]),
    "Crypto": Row("Runtime", ["Buffers", "COpenSSL"], system: ["Glibc", "Synchronization"]),
    "Compression": Row("Runtime", ["Buffers", "CZlib"]),
    "TLS": Row("Runtime", ["Buffers", "COpenSSL"], system: ["Glibc", "Synchronization"]),
    "HTTP2": Row("Runtime", ["Buffers", "CNGHTTP2"], system: ["Glibc"]),
    "Protobuf": Row("Runtime", ["Buffers", "CProtobufC"], system: ["Synchronization"]),
    "WellKnown": Row("Runtime", ["Buffers", "Protobuf", "CProtobufC", "CWellKnown"]),
    "GRPC": Row(
      "Runtime", ["Buffers", "Protobuf", "Telemetry", "WellKnown"], system: ["Synchronization"]),
    "GRPCTransport": Row(
      "Runtime",
      [
        "Buffers", "Telemetry", "EventLoops", "TLS", "Compression", "HTTP2", "Protobuf",
        "WellKnown", "GRPC",
      ],
      system: ["Synchronization"]),
    "GRPCInProcess": Row("Runtime", ["Buffers", "Telemetry", "GRPC"], system: ["Synchronization"]),
    "GRPCServices": Row(
      "Runtime",
      ["Buffers", "Telemetry", "Protobuf", "WellKnown", "GRPC", "CProtobufC", "CWellKnown"],
      system: ["Synchronization"]),
    "HTTPClient": Row(
      "Runtime", ["Buffers", "EventLoops", "CCurl"], system: ["Glibc", "Synchronization"]),
    "HTTPServer": Row(
      "Runtime", ["Buffers", "EventLoops", "CMicroHTTPD"], system: ["Glibc", "Synchronization"]),
  ]

  /// FoundationEssentials: JSON and files away from a call's path. The domain imports nothing of
  /// the system at all. Foundation only in tools that are not shipped, for standard streams.
  private static let upper: [String: Row] = [
    "ProtoGen": Row("Contract", ["Buffers", "Protobuf"]),
    "protoc-gen-trunkline": Row("Contract", ["ProtoGen"], system: ["Foundation"]),
    "API": Row(
      "Contract",
      ["Buffers", "Protobuf", "CProtobufC", "CWellKnown", "WellKnown", "GRPC", "CAPI"]),
    "LiveKitAPI": Row(
      "Contract",
      ["Buffers", "Protobuf", "CProtobufC", "CWellKnown", "WellKnown", "CLiveKitAPI"]),

    "Telephony": Row("Domain"),
    "Access": Row("Domain", ["Telephony"], system: ["Synchronization"]),
    "Registry": Row("Domain", ["Telephony", "Access"], system: ["Synchronization"]),
    "CallDispatch": Row("Domain", ["Telephony", "Access"], system: ["Synchronization"]),

    // The one adapter that others import: the statements of the stores are written once, and the
    // stores on SQL bring only an engine and a schema.
    "StoreSQL": Row(
      "Adapters", ["Telephony", "Access", "Registry", "CallDispatch", "Crypto"],
      system: ["FoundationEssentials", "Synchronization"]),
    "StoreSQLite": Row(
      "Adapters",
      [
        "Telephony", "Access", "Registry", "CallDispatch", "EventLoops", "CSQLite", "StoreSQL",
      ],
      system: ["FoundationEssentials", "Glibc", "Synchronization"]),
    "StorePostgres": Row(
      "Adapters", ["EventLoops", "Telemetry", "StoreSQL", "CPostgres"],
      system: ["Glibc", "Synchronization"]),
    "Keyring": Row(
      "Adapters", ["Telephony", "Access", "Registry", "CallDispatch", "Buffers", "Crypto"],
      system: ["Synchronization"]),
    "NumberPlan": Row("Adapters", ["Telephony", "CPhoneNumber"]),
    "Twilio": Row(
      "Adapters",
      ["Telephony", "Registry", "CallDispatch", "Buffers", "Crypto", "EventLoops", "HTTPClient"],
      system: ["FoundationEssentials", "Synchronization"]),
    "LiveKit": Row(
      "Adapters",
      [
        "Telephony", "Registry", "Buffers", "Crypto", "HTTPClient", "LiveKitAPI", "Protobuf",
        "WellKnown",
      ]),

    "Services": Row(
      "Apps",
      [
        "Buffers", "Telemetry", "EventLoops", "Crypto", "Protobuf", "WellKnown", "GRPC",
        "HTTPClient", "HTTPServer", "API", "Telephony", "Access", "Registry", "CallDispatch",
        "Keyring", "Twilio",
      ], system: ["Synchronization"]),
    "CommandLine": Row(
      "Apps", ["Buffers", "Protobuf", "WellKnown", "GRPC", "API"],
      system: ["Glibc", "FoundationEssentials"]),
    "trunklined": Row(
      "Apps",
      [
        "Buffers", "Telemetry", "EventLoops", "Crypto", "GRPC", "GRPCTransport", "GRPCServices",
        "GRPCInProcess", "HTTPClient", "HTTPServer", "API", "Telephony", "Access", "Registry",
        "CallDispatch", "StoreSQL", "StoreSQLite", "StorePostgres", "Keyring", "NumberPlan",
        "Twilio", "LiveKit", "Services", "CommandLine",
      ], system: ["Glibc", "FoundationEssentials", "Synchronization"]),
    "trunkline": Row(
      "Apps",
      ["CommandLine", "EventLoops", "GRPC", "GRPCTransport", "API", "Protobuf", "WellKnown"],
      system: ["Glibc", "FoundationEssentials"]),
    "CarrierSim": Row(
      "Apps",
      [
        "Buffers", "Crypto", "EventLoops", "HTTPClient", "HTTPServer", "LiveKitAPI", "Protobuf",
        "Telephony", "WellKnown",
      ],
      system: ["FoundationEssentials", "Synchronization"]),
    "carrier-sim": Row(
      "Apps", ["CarrierSim", "EventLoops", "CommandLine", "Telephony"], system: ["Foundation"]),

    "TestKit": Row(
      "Testing",
      [
        "Buffers", "COpenSSL", "HTTPClient", "Protobuf", "GRPC", "Telephony", "Access", "Registry",
        "CallDispatch",
      ],
      system: ["Foundation", "Glibc", "Synchronization"]),
    "Interop": Row(
      "Testing", ["EventLoops", "GRPC", "Protobuf", "TestAPI", "WellKnown"],
      system: ["Synchronization"]),
    "interop-server": Row(
      "Testing", ["EventLoops", "GRPC", "GRPCServices", "GRPCTransport", "HTTP2", "Interop"],
      system: ["Glibc"]),
    "interop-client": Row(
      "Testing", ["EventLoops", "GRPC", "GRPCTransport", "Interop", "TLS"], system: ["Glibc"]),
    // It asks the stores what no method of the contract asks alone.
    "Bench": Row(
      "Testing",
      [
        "EventLoops", "GRPC", "GRPCTransport", "GRPCServices", "HTTPServer", "TLS", "Telemetry",
        "WellKnown", "TestAPI", "Telephony", "Registry", "StoreSQL", "StoreSQLite",
        "StorePostgres",
      ], system: ["Synchronization"]),
    "Fuzz": Row(
      "Testing",
      [
        "Buffers", "CallDispatch", "Compression", "EventLoops", "GRPC", "GRPCServices",
        "GRPCTransport", "HTTP2", "HTTPClient", "HTTPServer", "Protobuf", "TLS", "Telemetry",
        "Telephony", "TestAPI", "TestKit", "Twilio", "WellKnown",
      ], system: ["Glibc", "Synchronization"]),
    "TestAPI": Row(
      "Testing",
      ["Buffers", "Protobuf", "CProtobufC", "CWellKnown", "WellKnown", "GRPC", "CTestAPI"]),
    "protobuf-roundtrip": Row(
      "Testing", ["Protobuf", "WellKnown", "API", "LiveKitAPI", "TestAPI"],
      system: ["Foundation"]),
  ]
}
