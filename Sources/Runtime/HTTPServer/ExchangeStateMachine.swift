/// One connection's requests, one after the other: what came, what is answered.
///
/// ```
/// idle → begun → receiving → handling → answered → sending → idle
///           └──────── refused at the head ───────────┘
/// ```
struct ExchangeStateMachine {
  private enum State {
    case idle
    /// The request line is read.
    case begun(target: String)
    /// The head is read; the body comes.
    case receiving(HTTPServerRequest)
    /// The handler works; the connection is suspended.
    case handling
    /// The handler is done; the connection is about to go on.
    case answered(HTTPServerResponse)
    /// The answer is being written.
    case sending
  }

  /// What an access callback has to do.
  enum Action: Equatable {
    case readOn
    /// Hand the request to the handler and suspend the connection.
    case handle(HTTPServerRequest)
    case answer(HTTPServerResponse)
    case close
  }

  /// What a deadline has to do.
  enum Expiry: Equatable {
    case cutConnection
    /// Cancel the handler and go on with an answer in its place.
    case abandonHandler
  }

  private var state: State = .idle

  mutating func begun(target: String) {
    state = .begun(target: target)
  }

  /// Whether the next access callback brings the head.
  var awaitsHead: Bool {
    if case .begun = state { true } else { false }
  }

  var isHandling: Bool {
    if case .handling = state { true } else { false }
  }

  /// A request has begun and its answer is not yet written.
  var isActive: Bool {
    if case .idle = state { false } else { true }
  }

  /// The whole head was read. A body that says it is too long is refused before it is sent.
  mutating func headCame(_ head: HTTPServerRequest, limits: WebServer.Configuration) -> Action {
    guard case .begun(let target) = state else { return .close }
    var request = head
    request.target = target
    if let status = refusal(of: request, limits: limits) {
      state = .sending
      return .answer(HTTPServerResponse(status: status))
    }
    state = .receiving(request)
    return .readOn
  }

  private func refusal(
    of head: HTTPServerRequest, limits: WebServer.Configuration
  ) -> Int? {
    if head.headers.count > limits.headerCountMax { return 431 }
    let lengths = head.headers.filter { isSameFieldName($0.name, "content-length") }
    let codings = head.headers.filter { isSameFieldName($0.name, "transfer-encoding") }
    // Two ways to tell where a request ends are how one is smuggled past a proxy (RFC 9112,
    // section 6.3).
    guard lengths.count + codings.count <= 1 else { return 400 }
    guard codings.allSatisfy({ isSameFieldName($0.value, "chunked") }) else { return 501 }
    guard let text = lengths.first?.value else { return nil }
    guard text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let length = Int(text) else { return 400 }
    return length > limits.bodyBytesMax ? 413 : nil
  }

  /// A piece of the body came. One that grows too long without having said so ends the connection.
  mutating func bodyCame(_ piece: [UInt8], limits: WebServer.Configuration) -> Action {
    guard case .receiving(var request) = state else { return .close }
    state = .idle
    guard request.body.count + piece.count <= limits.bodyBytesMax else { return .close }
    request.body += piece
    state = .receiving(request)
    return .readOn
  }

  /// An access callback without bytes: the request is whole, or the handler's answer is there.
  mutating func continued() -> Action {
    switch state {
    case .receiving(let request):
      state = .handling
      return .handle(request)
    case .answered(let response):
      state = .sending
      return response.dropsConnection ? .close : .answer(response)
    case .idle, .begun, .handling, .sending:
      return .close
    }
  }

  /// The handler's answer, or one in its place. False when nobody waits for it any more.
  mutating func handlerEnded(_ response: HTTPServerResponse) -> Bool {
    guard case .handling = state else { return false }
    state = .answered(response)
    return true
  }

  /// What to do when the connection's time is over.
  func expired() -> Expiry {
    isHandling ? .abandonHandler : .cutConnection
  }

  /// The answer is written, or the connection is lost.
  mutating func completed() {
    state = .idle
  }
}
