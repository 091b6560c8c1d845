internal import CCurl
internal import EventLoops

/// The client's state: who runs, who waits. Confined to its loop.
final class ClientCore: @unchecked Sendable {
  // @unchecked: but for the two constants, touched only inside blocks that the loop executes.
  let loop: EventLoop
  let configuration: WebClient.Configuration
  private var multi: CurlMulti?
  private var running: [CurlEasy.ID: Exchange] = [:]
  private var waiting: [Exchange] = []
  private var isClosed = false

  init(loop: EventLoop, configuration: WebClient.Configuration) {
    self.loop = loop
    self.configuration = configuration
    precondition(Self.isLibraryReady, "libcurl can't start")
  }

  private static let isLibraryReady = CCurl_global_init() == 0

  func submit(
    _ exchange: Exchange, _ continuation: CheckedContinuation<Exchange.Outcome, Never>
  ) {
    let timeout = exchange.request.timeout ?? configuration.timeout
    let deadline = loop.schedule(after: timeout) { [weak self] in
      self?.end(exchange) { .timedOut($0) }
    }
    exchange.begin(continuation, deadline: deadline)
    if isClosed { return exchange.finish(.failure(.closed(.beforeSend))) }
    if exchange.isCancelled { return exchange.finish(.failure(.cancelled(.beforeSend))) }
    if running.count < configuration.requestsRunningMax {
      start(exchange)
    } else if waiting.count < configuration.requestsWaitingMax {
      waiting.append(exchange)
    } else {
      exchange.finish(.failure(.queueFull(limit: configuration.requestsWaitingMax)))
    }
  }

  func cancel(_ exchange: Exchange) {
    exchange.isCancelled = true
    end(exchange) { .cancelled($0) }
  }

  func close() {
    guard !isClosed else { return }
    isClosed = true
    for exchange in waiting { exchange.finish(.failure(.closed(.beforeSend))) }
    waiting.removeAll()
    dropMulti { .closed($0) }
  }

  /// Ends `exchange` from this side, wherever it is.
  private func end(
    _ exchange: Exchange, as error: (HTTPClientError.Sent) -> HTTPClientError
  ) {
    if let id = exchange.easy?.id {
      running.removeValue(forKey: id)
      takeOut(exchange)
    } else {
      waiting.removeAll { $0 === exchange }
    }
    exchange.finish(.failure(error(exchange.sent)))
    startWaiting()
  }

  private func start(_ exchange: Exchange) {
    guard let multi = usableMulti(), var easy = CurlEasy() else {
      let code = CURLE_OUT_OF_MEMORY.rawValue
      return exchange.finish(.failure(.failed(code: code, .beforeSend)))
    }
    easy.setRules(configuration)
    easy.setRequest(exchange.request)
    easy.setCallbacks(borrowing: exchange)
    let id = easy.id
    guard multi.add(easy) else {
      let code = CURLE_OUT_OF_MEMORY.rawValue
      return exchange.finish(.failure(.failed(code: code, .beforeSend)))
    }
    exchange.easy = consume easy
    running[id] = exchange
  }

  private func startWaiting() {
    while !isClosed, !waiting.isEmpty, running.count < configuration.requestsRunningMax {
      start(waiting.removeFirst())
    }
  }

  private func completed(_ id: CurlEasy.ID, _ code: CURLcode) {
    guard let exchange = running.removeValue(forKey: id) else { return }
    let outcome = exchange.outcome(of: code)
    takeOut(exchange)
    exchange.finish(outcome)
    startWaiting()
  }

  /// Frees the transfer of `exchange`; the exchange outlives it, as its callbacks need.
  private func takeOut(_ exchange: Exchange) {
    guard let easy = exchange.easy.take() else { return }
    multi?.remove(easy)
  }

  private func usableMulti() -> CurlMulti? {
    if let multi { return multi }
    multi = CurlMulti(
      loop: loop, connectionsKeptMax: configuration.connectionsKeptMax,
      completed: { [weak self] id, code in self?.completed(id, code) },
      broke: { [weak self] in self?.broke() })
    return multi
  }

  private func broke() {
    dropMulti { .failed(code: CURLE_FAILED_INIT.rawValue, $0) }
    startWaiting()
  }

  private func dropMulti(_ error: (HTTPClientError.Sent) -> HTTPClientError) {
    let exchanges = running.values
    running.removeAll()
    for exchange in exchanges {
      takeOut(exchange)
      exchange.finish(.failure(error(exchange.sent)))
    }
    multi?.close()
    multi = nil
  }
}
