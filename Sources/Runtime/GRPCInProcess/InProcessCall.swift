internal import GRPC
internal import Synchronization

/// Both ends of one call.
final class InProcessCall: ClientStream, ServerStream {
  private let context: ServerContext
  private let options: CallOptions
  private let requestSizeMax: Int
  private let requests: Pipe<[UInt8]>
  private let responses: Pipe<ResponsePart>
  private let progress = Mutex(Progress())

  private struct Progress {
    var hasMetadata = false
    var hasEnded = false
  }

  init(
    _ context: ServerContext, _ options: CallOptions,
    _ configuration: InProcessChannel.Configuration
  ) {
    self.context = context
    self.options = options
    requestSizeMax = configuration.requestSizeMax
    requests = Pipe(costMax: configuration.bufferedBytesMax)
    responses = Pipe(costMax: configuration.bufferedBytesMax)
  }

  // MARK: The server's end

  /// Runs the handler and ends the call with its answer.
  func run(_ handler: (any MethodHandler)?, _ admission: (any CallAdmission)?) async {
    var handler = handler
    var failure: RPCError?
    if let admission, let known = handler {
      let request = AdmissionRequest(
        method: context.method, metadata: context.metadata, peer: context.peer)
      switch admission.verdict(on: request) {
      case .admitted(let value): context.noteAdmission(value)
      case .refused(let error): failure = error
      case .undecided(let question): handler = UndecidedHandler(known, question)
      }
    }
    if failure == nil, let handler {
      do throws(RPCError) {
        try await handler.run(self, context)
      } catch {
        failure = error
      }
    } else if handler == nil {
      failure = .noMethod(path: context.method.path)
    }
    if context.cancellationCause != nil { failure = context.cancellationError }
    if failure == nil { sendOnce(context.initialMetadata) }
    var trailing = context.trailingMetadata
    if let failure { trailing.append(contentsOf: failure.metadata) }
    failure?.metadata = trailing
    responses.push(.status(failure, trailing), cost: 0)
    responses.end()
    requests.abort(last: nil)
  }

  func receive() async throws(RPCError) -> [UInt8]? {
    switch await requests.receive() {
    case .element(let bytes):
      guard bytes.count <= requestSizeMax else {
        throw .tooLarge(size: bytes.count, limit: requestSizeMax)
      }
      return bytes
    case .end:
      guard context.cancellationCause == nil else { throw context.cancellationError }
      return nil
    case .cancelled:
      throw context.cancellationError
    }
  }

  func send(metadata: Metadata) async throws(RPCError) { sendOnce(metadata) }

  func send(message: [UInt8]) async throws(RPCError) {
    sendOnce(context.initialMetadata)
    guard await responses.send(.message(message), cost: message.count + 5) else {
      throw context.cancellationError
    }
  }

  private func sendOnce(_ metadata: Metadata) {
    let isFirst = progress.withLock { progress in
      defer { progress.hasMetadata = true }
      return !progress.hasMetadata
    }
    if isFirst { responses.push(.metadata(metadata), cost: 0) }
  }

  // MARK: The client's end

  func send(_ part: RequestPart) async throws(RPCError) {
    switch part {
    case .message(let bytes):
      guard await requests.send(bytes, cost: bytes.count + 5) else { throw .callIsOver }
    case .end:
      requests.end()
    }
  }

  func receive() async -> ResponsePart? {
    let isOver = progress.withLock { $0.hasEnded }
    guard !isOver else { return nil }
    switch await responses.receive() {
    case .element(.message(let bytes)) where bytes.count > options.responseSizeMax:
      return end(with: .tooLarge(size: bytes.count, limit: options.responseSizeMax))
    case .element(.status(let error, let metadata)):
      progress.withLock { $0.hasEnded = true }
      return .status(error, metadata)
    case .element(let part):
      return part
    case .end, .cancelled:
      return end(with: RPCError(.cancelled, "The caller cancelled the call."))
    }
  }

  private func end(with error: RPCError) -> ResponsePart {
    progress.withLock { $0.hasEnded = true }
    cancel(.clientReset)
    return .status(error, [:])
  }

  /// Ends the call from outside its handler. The first cause stays; after the answer it does
  /// nothing.
  func cancel(_ cause: CancellationCause) {
    context.noteCancellation(cause)
    let error =
      cause == .deadline
      ? context.cancellationError : RPCError(.cancelled, "The caller cancelled the call.")
    responses.abort(last: .status(error, [:]))
    requests.abort(last: nil)
  }
}
