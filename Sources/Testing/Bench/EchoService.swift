internal import EventLoops
internal import GRPC
internal import TestAPI
internal import WellKnown

/// The service of benchmarks and black-box tests.
///
/// Beside what the contract says, metadata "x-echo" comes back before the first message, and
/// "x-echo-bin" with the status. ``EchoMetadata`` says what else a client may ask for.
struct EchoService: Trunkline.Testing.V1.EchoServiceProtocol {
  typealias V1 = Trunkline.Testing.V1

  /// Whose timers delays wait for.
  let loop: EventLoop
  private let metadata = EchoMetadata()
  /// Whether the service does nothing but echo, as the servers that it is measured beside.
  private let isPlain: Bool

  init(loop: EventLoop, isPlain: Bool = false) {
    self.loop = loop
    self.isPlain = isPlain
  }

  func echo(
    _ request: V1.EchoRequest, context: ServerContext
  ) async throws(RPCError) -> V1.EchoResponse {
    if !isPlain, !context.metadata.isEmpty { metadata.answer(context) }
    if let delay = request.delay { try await wait(delay, context) }
    if let status = request.fail { throw Self.error(status) }
    return V1.EchoResponse(text: request.text, payload: request.payload)
  }

  func `repeat`(
    _ request: V1.RepeatRequest, responses: ResponseWriter<V1.RepeatResponse>,
    context: ServerContext
  ) async throws(RPCError) {
    guard request.count <= 1_000_000 else {
      throw RPCError(.invalidArgument, "count is \(request.count); the limit is 1000000.")
    }
    metadata.answer(context)
    for index in 0..<request.count {
      if let interval = request.interval { try await wait(interval, context) }
      try await responses.write(
        V1.RepeatResponse(text: request.text, payload: request.payload, index: index))
    }
    if let status = request.fail { throw Self.error(status) }
  }

  func collect(
    _ requests: RequestStream<V1.CollectRequest>, context: ServerContext
  ) async throws(RPCError) -> V1.CollectResponse {
    metadata.answer(context)
    var response = V1.CollectResponse()
    while let request = try await requests.next() {
      response.text += request.text
      response.payload += request.payload
      response.count += 1
      metadata.noteCompression(context)
    }
    return response
  }

  func converse(
    _ requests: RequestStream<V1.ConverseRequest>,
    responses: ResponseWriter<V1.ConverseResponse>, context: ServerContext
  ) async throws(RPCError) {
    metadata.answer(context)
    while let request = try await requests.next() {
      if let status = request.fail { throw Self.error(status) }
      try await responses.write(
        V1.ConverseResponse(text: request.text, payload: request.payload))
    }
  }

  private func wait(
    _ time: Google.Protobuf.Duration, _ context: ServerContext
  ) async throws(RPCError) {
    do {
      try await loop.sleep(for: .seconds(time.seconds) + .nanoseconds(time.nanos))
    } catch {
      metadata.note(context)
      throw context.cancellationError
    }
  }

  private static func error(_ status: Google.Rpc.Status) -> RPCError {
    guard let code = StatusCode(rawValue: Int(status.code)), code != .ok else {
      return RPCError(.invalidArgument, "fail.code is \(status.code); it is 1 to 16.")
    }
    return RPCError(code, status.message, details: status.details)
  }
}
