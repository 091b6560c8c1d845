package import Buffers
package import Protobuf
internal import Synchronization

/// A registered method without its message types.
package protocol MethodHandler: AnyObject, Sendable {
  var descriptor: MethodDescriptor { get }

  /// The descriptor's, which is asked for on every call's path.
  var kind: MethodKind { get }

  /// The messages in JSON; `nil` when their types have no JSON form.
  var json: MessageJSON? { get }

  /// Answers one call of any kind over `stream`. It throws what the status shall say; the
  /// transport sends the status.
  func run(_ stream: any ServerStream, _ context: ServerContext) async throws(RPCError)

  /// Answers one unary call whose only message is at hand, in a task of `workers`, on whose
  /// executor it is called. Nothing happens when the method is not unary.
  ///
  /// `reply` is called there, once; before this returns only when the request can't be read.
  func startUnary(
    _ request: RawSpan, _ context: ServerContext, in workers: CallWorkers, _ reply: any UnaryReply)
}

extension MethodHandler {
  package var kind: MethodKind { descriptor.kind }
}

/// Where the fast path of a unary call leaves its answer.
package protocol UnaryReply: AnyObject, Sendable {
  /// The call's handler is about to run in `task`, which cancels it until the call is answered.
  /// `false` when the call is over by now: then it does not run, and nothing else is called.
  func began(_ task: CallTask) -> Bool

  /// The call succeeded. `serialize` appends the response where it waits to be sent; it is called
  /// once, before this returns, or not at all.
  func succeed(_ serialize: (inout ByteWriter) -> Void)

  /// The call failed.
  func fail(_ error: RPCError)
}

/// A unary method. Its message types are in its closures, which the compiler specializes where the
/// method is registered.
final class UnaryHandler: MethodHandler {
  typealias Run = @Sendable (any ServerStream, ServerContext) async throws(RPCError) -> Void
  typealias Start = @Sendable (RawSpan, UnaryCall) -> Void

  let descriptor: MethodDescriptor
  var kind: MethodKind { .unary }
  let json: MessageJSON?
  private let interceptors: [any ServerInterceptor]
  private let isLong: @Sendable (RawSpan) -> Bool
  private let body: Run
  private let startBody: Start

  /// `isLong` tells whether a request takes long to read.
  init(
    _ descriptor: MethodDescriptor, _ json: MessageJSON?, _ interceptors: [any ServerInterceptor],
    isLong: @escaping @Sendable (RawSpan) -> Bool, run body: @escaping Run, start: @escaping Start
  ) {
    precondition(descriptor.kind == .unary, "\(descriptor.path) is not unary")
    self.descriptor = descriptor
    self.json = json
    self.interceptors = interceptors
    self.isLong = isLong
    self.body = body
    startBody = start
  }

  func run(_ stream: any ServerStream, _ context: ServerContext) async throws(RPCError) {
    try await context.run(inside: interceptors) { () throws(RPCError) in
      try await self.body(stream, context)
    }
  }

  func startUnary(
    _ request: RawSpan, _ context: ServerContext, in workers: CallWorkers, _ reply: any UnaryReply
  ) {
    guard request.byteCount < DecodingCost.sizeMin || !isLong(request) else {
      return startLong(request.array(), context, in: workers, reply)
    }
    startBody(
      request,
      UnaryCall(context: context, reply: reply, workers: workers, interceptors: interceptors))
  }
}

/// A method of any other kind, over its stream.
final class StreamingHandler: MethodHandler {
  typealias Body = @Sendable (any ServerStream, ServerContext) async throws(RPCError) -> Void

  let descriptor: MethodDescriptor
  let json: MessageJSON?
  private let interceptors: [any ServerInterceptor]
  private let body: Body

  init(
    _ descriptor: MethodDescriptor, _ json: MessageJSON?, _ interceptors: [any ServerInterceptor],
    _ body: @escaping Body
  ) {
    precondition(descriptor.kind != .unary, "\(descriptor.path) is unary")
    self.descriptor = descriptor
    self.json = json
    self.interceptors = interceptors
    self.body = body
  }

  func run(_ stream: any ServerStream, _ context: ServerContext) async throws(RPCError) {
    try await context.run(inside: interceptors) { () throws(RPCError) in
      try await self.body(stream, context)
    }
  }

  func startUnary(
    _ request: RawSpan, _ context: ServerContext, in workers: CallWorkers, _ reply: any UnaryReply
  ) {}
}

extension ServerContext {
  /// Runs `body` inside `interceptors`, with the deadline bound for calls made meanwhile.
  package func run(
    inside interceptors: [any ServerInterceptor], _ body: () async throws(RPCError) -> Void
  ) async throws(RPCError) {
    try await interceptors[...].run(self, body)
  }
}

extension ArraySlice<any ServerInterceptor> {
  /// Runs `body` inside all interceptors, with the deadline bound for calls made meanwhile.
  fileprivate func run(
    _ context: ServerContext, _ body: () async throws(RPCError) -> Void
  ) async throws(RPCError) {
    guard let first else { return try await context.bindingDeadline(body) }
    try await first.intercept(context) { () async throws(RPCError) in
      try await self.dropFirst().run(context, body)
    }
  }
}

extension ServerStream {
  /// The request of a method that takes exactly one (PROTOCOL-HTTP2 leaves the status for none and
  /// for two open; the conformance suite asks for UNIMPLEMENTED).
  package func onlyRequest<Request: Message>(
    _ type: Request.Type
  ) async throws(RPCError) -> Request {
    guard let bytes = try await receive() else { throw .noRequest }
    guard try await receive() == nil else { throw .twoRequests }
    return try await decoded(bytes)
  }

  /// A request that came on the stream; one that takes long is read aside.
  func decoded<Request: Message>(_ bytes: [UInt8]) async throws(RPCError) -> Request {
    guard bytes.count >= DecodingCost.sizeMin,
      bytes.withBytes({ Request.takesLong(serialized: $0) })
    else { return try MessageCoding.request(bytes) }
    let outcome = ReadRequest<Request>()
    await aside {
      let result = Result { () throws(RPCError) in try MessageCoding.request(bytes) as Request }
      outcome.result.withLock { $0 = result }
    }
    guard let result = outcome.result.withLock({ $0 }) else { throw .callIsOver }
    return try result.get()
  }
}

/// Where another thread leaves a request that it has read.
private final class ReadRequest<Request: Message>: Sendable {
  let result = Mutex<Result<Request, RPCError>?>(nil)
}

extension RPCError {
  /// A method that takes one request got none.
  package static let noRequest = RPCError(
    .unimplemented, "The call ended without a request; the method takes one.")

  /// A method that takes one request got two.
  package static let twoRequests = RPCError(
    .unimplemented, "The call has more than one request; the method takes one.")

  /// No method has this path.
  package static func noMethod(path: String) -> RPCError {
    RPCError(.unimplemented, "The server has no method \(path.prefix(256)).")
  }
}
