internal import CommandLine
internal import EventLoops
internal import HTTPServer
internal import Synchronization
internal import Telemetry

/// `/livez`, `/readyz` and `/metrics` over HTTP/1.1.
final class AdminListener: Sendable {
  private let server: WebServer
  private let state: ReadyState
  /// Where it listens.
  let address: String

  /// `metrics` are asked at each scrape.
  init(_ parts: ServerParts, metrics: MetricRegistry) throws(ServeError) {
    let wanted = parts.configuration.adminListen
    let state = ReadyState()
    do throws(HTTPServerError) {
      server = try WebServer(loop: parts.loops[0], host: wanted.host, port: wanted.port) {
        request in
        await state.answer(request, metrics)
      }
    } catch {
      throw .listen(wanted.description, "\(error)")
    }
    self.state = state
    address = "\(wanted.host):\(server.port)"
  }

  /// Whether calls are taken.
  var isReady: Bool {
    get { state.isReady.load(ordering: .relaxed) }
    set { state.isReady.store(newValue, ordering: .relaxed) }
  }

  func stop() async { await server.stop(gracePeriod: .seconds(1)) }
}

/// What the probes ask.
private final class ReadyState: Sendable {
  let isReady = Atomic<Bool>(false)

  func answer(
    _ request: HTTPServerRequest, _ metrics: MetricRegistry
  ) async -> HTTPServerResponse {
    guard request.method == "GET" else { return HTTPServerResponse(status: 405) }
    switch request.path {
    case "/livez": return HTTPServerResponse(status: 200, contentType: "text/plain", body: "ok\n")
    case "/readyz":
      return isReady.load(ordering: .relaxed)
        ? HTTPServerResponse(status: 200, contentType: "text/plain", body: "ok\n")
        : HTTPServerResponse(status: 503, contentType: "text/plain", body: "not ready\n")
    case "/metrics":
      return HTTPServerResponse(
        status: 200, contentType: PrometheusText.contentType,
        body: PrometheusText.render(await metrics.scrape()))
    default: return HTTPServerResponse(status: 404)
    }
  }
}
