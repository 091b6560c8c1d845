package import EventLoops
package import GRPC
internal import Protobuf
package import TestAPI

/// grpc.testing.TestService, as the server of gRPC's interop tests has to be
/// (grpc/doc/interop-test-descriptions.md, section Server).
package struct InteropService: TestAPI.Grpc.Testing.TestServiceProtocol {
  package typealias Testing = TestAPI.Grpc.Testing

  /// The most bytes of a payload that may be asked for; the transport's own limit is lower unless
  /// it is set otherwise.
  static let payloadSizeMax: Int32 = 64 << 20
  /// How many requests HalfDuplexCall keeps before it answers.
  static let heldRequestsMax = 1000

  /// Comes back before the first message.
  package static let echoInitial = "x-grpc-test-echo-initial"
  /// Comes back with the status.
  package static let echoTrailing = "x-grpc-test-echo-trailing-bin"
  /// The load report of a call (gRFC A51).
  package static let loadReport = "endpoint-load-metrics-bin"

  /// Names this server in `Grpc.Testing.SimpleResponse.serverID`.
  let id: String
  let reports: LoadReports
  /// Whose timers intervals wait for.
  let loop: EventLoop

  package init(id: String, reports: LoadReports, loop: EventLoop) {
    self.id = id
    self.reports = reports
    self.loop = loop
  }

  // MARK: Unary calls

  package func emptyCall(
    _ request: Testing.Empty, context: ServerContext
  ) async throws(RPCError) -> Testing.Empty {
    Self.echoMetadata(context)
    return Testing.Empty()
  }

  package func unaryCall(
    _ request: Testing.SimpleRequest, context: ServerContext
  ) async throws(RPCError) -> Testing.SimpleResponse {
    Self.echoMetadata(context, report: request.orcaPerQueryReport)
    try Self.checkCompression(context, request.expectCompressed)
    try Self.answerStatus(request.responseStatus)
    if let wanted = request.responseCompressed { context.setCompressesResponses(wanted.value) }
    var response = Testing.SimpleResponse()
    response.payload = try Self.payload(request.responseType, request.responseSize)
    if request.fillServerID { response.serverID = id }
    if request.fillUsername, let caller = context.peerIdentity {
      response.username = caller.subject
    }
    return response
  }

  package func cacheableUnaryCall(
    _ request: Testing.SimpleRequest, context: ServerContext
  ) async throws(RPCError) -> Testing.SimpleResponse {
    context.setInitialMetadata(["cache-control": "max-age=60, public"])
    // The clock has microseconds; the test wants a number that is different each time.
    let time = Array("\(WallClock.microseconds())000".utf8)
    return Testing.SimpleResponse(payload: Testing.Payload(body: time))
  }

  // MARK: What calls have in common

  /// Sends back what the tests want to see again, every value of it, and the load report that was
  /// asked for.
  static func echoMetadata(
    _ context: ServerContext, report: Testing.TestOrcaReport? = nil
  ) {
    if !context.metadata.isEmpty {
      var initial: Metadata = [:]
      for text in context.metadata.texts(echoInitial) { initial.append(text, for: echoInitial) }
      context.setInitialMetadata(initial)
    }
    var trailing: Metadata = [:]
    for bytes in context.metadata.binaries(echoTrailing) {
      trailing.append(bytes, for: echoTrailing)
    }
    if let report {
      trailing.append(Xds.Data.Orca.V3.OrcaLoadReport(report).serialized(), for: loadReport)
    }
    context.setTrailingMetadata(trailing)
  }

  /// Throws unless the message that was read last is compressed as it says.
  static func checkCompression(
    _ context: ServerContext, _ expected: Testing.BoolValue?
  ) throws(RPCError) {
    guard let expected, expected.value != context.isRequestCompressed else { return }
    throw RPCError(
      .invalidArgument,
      expected.value
        ? "The message is not compressed; expect_compressed is true."
        : "The message is compressed; expect_compressed is false.")
  }

  /// Throws the status that was asked for. One that gRPC does not have is UNKNOWN.
  static func answerStatus(_ status: Testing.EchoStatus?) throws(RPCError) {
    guard let status, status.code != 0 else { return }
    throw RPCError(StatusCode(rawValue: Int(status.code)) ?? .unknown, status.message)
  }

  /// A payload of `size` bytes.
  static func payload(
    _ type: Testing.PayloadType, _ size: Int32
  ) throws(RPCError) -> Testing.Payload {
    guard type == .compressable else {
      throw RPCError(.invalidArgument, "The payload type \(type.rawValue) is not known.")
    }
    guard (0...payloadSizeMax).contains(size) else {
      throw RPCError(
        .invalidArgument, "The payload's size is \(size); it is 0 to \(payloadSizeMax).")
    }
    return Testing.Payload(type: type, body: [UInt8](repeating: 0, count: Int(size)))
  }
}
