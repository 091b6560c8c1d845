package import EventLoops
internal import HTTPClient
package import HTTPServer
internal import Synchronization
package import Telephony

/// The simulator on its sockets: five listeners, one client for webhooks, one ``SimulatorState``.
///
/// All of it happens on the loop. ``run()`` ends when the control API says quit or the calling task
/// is cancelled.
package final class CarrierSimulator: @unchecked Sendable {
  // @unchecked: `state`, `waiting`, `timer` and `nextRequest` are touched only on the loop.

  package struct Configuration: Sendable {
    /// An IP address or `localhost`, and a port; 0 for a free one.
    package struct Address: Sendable, Hashable {
      package var host: String
      package var port: UInt16

      package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
      }
    }

    /// Where each region listens.
    package var regions: [Region: Address]
    package var control: Address
    /// Where LiveKit listens.
    package var livekit: Address
    package var settings = SimulatorSettings.defaults
    /// The same seed makes the same identifiers.
    package var seed: UInt64

    package init(
      regions: [Region: Address], control: Address, livekit: Address, seed: UInt64
    ) {
      self.regions = regions
      self.control = control
      self.livekit = livekit
      self.seed = seed
    }
  }

  private let loop: EventLoop
  private let client: WebClient
  private var state: SimulatorState
  private var waiting: [RequestID: CheckedContinuation<HTTPServerResponse, Never>] = [:]
  private var timer: TimerHandle?
  private var nextRequest: RequestID = 1
  private let deliveries: AsyncStream<OutgoingWebhook>
  private let deliver: AsyncStream<OutgoingWebhook>.Continuation
  private let servers = Mutex<[WebServer]>([])
  private let urls = Mutex<[String: String]>([:])

  /// Listens at once.
  package init(loop: EventLoop, configuration: Configuration) throws(HTTPServerError) {
    self.loop = loop
    state = SimulatorState(settings: configuration.settings, seed: configuration.seed)
    var clientLimits = WebClient.Configuration()
    clientLimits.requestsRunningMax = 256
    clientLimits.requestsWaitingMax = SimulatorLimits.webhookCountMax
    clientLimits.userAgent = "TwilioProxy/1.1"
    client = WebClient(loop: loop, configuration: clientLimits)
    (deliveries, deliver) = AsyncStream.makeStream(
      bufferingPolicy: .bufferingOldest(SimulatorLimits.webhookCountMax))
    for region in Region.allCases {
      let address = configuration.regions[region] ?? .init(host: "127.0.0.1", port: 0)
      try listen(region.rawValue, address) { simulator, id, request in
        simulator.state.requestCame(id, request, region: region, at: .present)
      }
    }
    try listen("livekit", configuration.livekit) { simulator, id, request in
      simulator.state.livekitCame(id, request, at: .present)
    }
    try listen("control", configuration.control) { simulator, id, request in
      simulator.state.controlCame(id, request, at: .present)
    }
  }

  private func listen(
    _ name: String, _ address: Configuration.Address,
    _ event:
      @escaping @Sendable (CarrierSimulator, RequestID, SimulatorRequest) -> [SimulatorAction]
  ) throws(HTTPServerError) {
    var limits = WebServer.Configuration()
    limits.handlerTimeout = .seconds(120)
    let server = try WebServer(
      loop: loop, host: address.host, port: address.port, configuration: limits
    ) { [weak self] request in
      guard let self else { return .dropConnection }
      return await self.answer(request, event)
    }
    servers.withLock { $0.append(server) }
    let host = address.host.contains(":") ? "[\(address.host)]" : address.host
    let url = "http://\(host):\(server.port)"
    urls.withLock { $0[name] = url }
  }

  /// Where everything listens, as one line of JSON: `{"control":"http://127.0.0.1:8700",…}`.
  package var addresses: String {
    let urls = urls.withLock { $0 }
    let names = ["control"] + Region.allCases.map(\.rawValue) + ["livekit"]
    return JSON.object(names.map { JSON.Member(name: $0, value: JSON(urls[$0])) }).text
  }

  /// Sends webhooks until the end, then closes everything.
  package func run() async {
    let client = client
    await withDiscardingTaskGroup { group in
      for await webhook in deliveries {
        group.addTask(executorPreference: self.loop) {
          let outcome = await Self.send(webhook, client)
          self.loop.preconditionIsCurrent()
          self.perform(self.state.webhookEnded(webhook.id, outcome, at: .present))
        }
      }
      group.cancelAll()
    }
    for server in servers.withLock({ $0 }) { await server.stop(gracePeriod: .milliseconds(200)) }
    await client.close()
  }

  /// Ends ``run()``. Callable from anywhere.
  package func quit() { deliver.finish() }

  // MARK: On the loop

  private func answer(
    _ request: HTTPServerRequest,
    _ event: (CarrierSimulator, RequestID, SimulatorRequest) -> [SimulatorAction]
  ) async -> HTTPServerResponse {
    loop.preconditionIsCurrent()
    let id = nextRequest
    nextRequest += 1
    let simulated = SimulatorRequest(
      request.method, request.target, authorization: request.header("authorization"),
      contentType: request.header("content-type"), body: request.body)
    return await withCheckedContinuation { continuation in
      waiting[id] = continuation
      perform(event(self, id, simulated))
    }
  }

  private func perform(_ actions: [SimulatorAction]) {
    for action in actions {
      switch action {
      case .answer(let id, let answer):
        waiting.removeValue(forKey: id)?.resume(returning: Self.response(answer))
      case .drop(let id): waiting.removeValue(forKey: id)?.resume(returning: .dropConnection)
      case .send(let webhook): deliver.yield(webhook)
      case .quit: quit()
      }
    }
    timer?.cancel()
    timer = nil
    guard let deadline = state.nextDeadline else { return }
    let delay = deadline.duration(since: .present)
    timer = loop.schedule(after: delay) { [weak self] in
      guard let self else { return }
      self.perform(self.state.timePassed(to: .present))
    }
  }

  private static func response(_ answer: SimulatorAnswer) -> HTTPServerResponse {
    var response = HTTPServerResponse(
      status: answer.status, headers: [.init("Content-Type", answer.contentType)],
      body: answer.body)
    if let seconds = answer.retryAfter {
      response.headers.append(.init("Retry-After", String(seconds)))
    }
    return response
  }

  private static func send(
    _ webhook: OutgoingWebhook, _ client: WebClient
  ) async -> WebhookOutcome {
    let request = HTTPRequest(
      webhook.method == "GET" ? .get : .post, webhook.url,
      headers: webhook.headers.map { .init($0.name, $0.value) }, body: webhook.body,
      timeout: webhook.timeout)
    do throws(HTTPClientError) {
      let response = try await client.send(request)
      return .answered(
        status: response.status, contentType: response.header("content-type"),
        body: response.body)
    } catch {
      return .failed(error.sent == .beforeSend ? .connect : .read)
    }
  }
}

extension Timestamp {
  /// The wall clock.
  fileprivate static var present: Timestamp { Timestamp(microseconds: WallClock.microseconds()) }
}
