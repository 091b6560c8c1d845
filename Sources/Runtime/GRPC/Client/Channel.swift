package import Protobuf

/// A way to one server. Transports implement ``withStream(_:_:_:)``; stubs use the typed calls.
package protocol Channel: Sendable {
  /// Runs `body` with the client's end of a new call, and ends the call, if it is not over, when
  /// `body` returns.
  ///
  /// Throws when no call could be begun. Cancelling the caller's task cancels the call.
  func withStream<Result>(
    _ method: MethodDescriptor, _ options: CallOptions,
    _ body: (any ClientStream) async throws(RPCError) -> Result
  ) async throws(RPCError) -> Result
}

/// The answer of a call with one response, with its metadata.
package struct Response<Message: Protobuf.Message>: Sendable {
  package let message: Message
  package let initialMetadata: Metadata
  package let trailingMetadata: Metadata
  /// Whether the message was compressed on its way.
  package let isCompressed: Bool
}

extension Channel {
  /// Calls a unary method.
  package func unary<Request: Message, Response: Message>(
    _ method: MethodDescriptor, _ request: Request, options: CallOptions = .defaults
  ) async throws(RPCError) -> Response {
    try await unaryResponse(method, request, options: options).message
  }

  /// Calls a unary method and keeps the metadata of the answer.
  package func unaryResponse<Request: Message, Result: Message>(
    _ method: MethodDescriptor, _ request: Request, options: CallOptions = .defaults
  ) async throws(RPCError) -> Response<Result> {
    let bytes = try options.checked(MessageCoding.bytes(request))
    return try await withStream(method, options) { (stream) async throws(RPCError) in
      try await stream.sendOnly(bytes)
      return try await stream.onlyResponse()
    }
  }

  /// Calls a method that streams its responses. The call ends, if it has not, when `body` returns.
  package func serverStreaming<Request: Message, Response: Message, Result>(
    _ method: MethodDescriptor, _ request: Request, options: CallOptions = .defaults,
    _ body: (ResponseStream<Response>) async throws(RPCError) -> Result
  ) async throws(RPCError) -> Result {
    let bytes = try options.checked(MessageCoding.bytes(request))
    return try await withStream(method, options) { (stream) async throws(RPCError) in
      try await stream.sendOnly(bytes)
      return try await body(ResponseStream(stream))
    }
  }

  /// Calls a method that takes a stream of requests. When `body` returns no more requests come.
  package func clientStreaming<Request: Message, Response: Message>(
    _ method: MethodDescriptor, options: CallOptions = .defaults,
    _ body: (RequestWriter<Request>) async throws(RPCError) -> Void
  ) async throws(RPCError) -> Response {
    try await withStream(method, options) { (stream) async throws(RPCError) in
      do throws(RPCError) {
        try await body(RequestWriter(stream, sizeMax: options.requestSizeMax))
        try await stream.send(.end)
      } catch {
        // The server may have answered before it read everything: its answer counts.
        guard error == .callIsOver else { throw error }
      }
      let response: GRPC.Response<Response> = try await stream.onlyResponse()
      return response.message
    }
  }

  /// Calls a method that streams both ways. The call ends, if it has not, when `body` returns.
  package func bidirectionalStreaming<Request: Message, Response: Message, Result>(
    _ method: MethodDescriptor, options: CallOptions = .defaults,
    _ body: (RequestWriter<Request>, ResponseStream<Response>) async throws(RPCError) -> Result
  ) async throws(RPCError) -> Result {
    try await withStream(method, options) { (stream) async throws(RPCError) in
      do throws(RPCError) {
        return try await body(
          RequestWriter(stream, sizeMax: options.requestSizeMax), ResponseStream(stream))
      } catch {
        guard error == .callIsOver else { throw error }
        // The writer met the end first; the status says more.
        throw await stream.failure() ?? error
      }
    }
  }
}

extension CallOptions {
  fileprivate func checked(_ request: [UInt8]) throws(RPCError) -> [UInt8] {
    guard request.count <= requestSizeMax else {
      throw .tooLarge(size: request.count, limit: requestSizeMax)
    }
    return request
  }
}

extension ClientStream {
  /// Sends the one request. A call that is over already has its status waiting.
  fileprivate func sendOnly(_ bytes: [UInt8]) async throws(RPCError) {
    do throws(RPCError) {
      try await send(.message(bytes))
      try await send(.end)
    } catch {
      guard error == .callIsOver else { throw error }
    }
  }

  /// The status of a call that is over, if it is an error nobody has read yet.
  fileprivate func failure() async -> RPCError? {
    while let part = await receive() {
      if case .status(let error, _) = part { return error }
    }
    return nil
  }

  /// The one response of a call whose status is OK.
  fileprivate func onlyResponse<Result: Message>() async throws(RPCError) -> Response<Result> {
    var initial: Metadata = [:]
    var message: Result?
    var isCompressed = false
    while let part = await receive() {
      switch part {
      case .metadata(let metadata):
        initial = metadata
      case .message(let bytes), .compressedMessage(let bytes):
        guard message == nil else {
          throw RPCError(.unimplemented, "The server sent two responses; the method has one.")
        }
        message = try MessageCoding.response(bytes)
        if case .compressedMessage = part { isCompressed = true }
      case .status(let error?, _):
        throw error
      case .status(nil, let trailing):
        guard let message else {
          throw RPCError(.unimplemented, "The server sent no response; the method has one.")
        }
        return Response(
          message: message, initialMetadata: initial, trailingMetadata: trailing,
          isCompressed: isCompressed)
      }
    }
    throw RPCError(.internal, "The call ended without a status.")
  }
}

extension RPCError {
  /// What ``ClientStream/send(_:)`` throws when the call is over: its status says why.
  package static let callIsOver = RPCError(.cancelled, "The call is over.")
}
