package import EventLoops

/// Sends HTTP requests from one event loop.
///
/// Callable from any executor. It keeps connections alive for `GET`; everything else goes out on a
/// fresh connection, since libcurl repeats a request unseen when a kept one closes under it.
/// ``close()`` it before its loop stops.
package final class WebClient: Sendable {
  /// What a client may use at most.
  package struct Configuration: Sendable, Hashable {
    /// For the name, the connection and TLS together.
    package var connectTimeout: Duration = .seconds(5)
    /// From `send` to the last byte, waiting for a turn included.
    package var timeout: Duration = .seconds(15)
    /// Requests on the wire at a time.
    package var requestsRunningMax = 64
    /// Requests that wait for their turn.
    package var requestsWaitingMax = 1024
    /// Connections kept open between requests.
    package var connectionsKeptMax = 16
    package var responseBodyBytesMax = 4 << 20
    package var responseHeaderBytesMax = 64 << 10
    package var responseHeaderCountMax = 128
    package var userAgent = "trunkline"
    /// A proxy's URL. The environment's is never read.
    package var proxy: String?
    /// A file of trusted certificates in place of the system's.
    package var certificateAuthorityFile: String?

    package init() {}
    package static let defaults = Configuration()
  }

  private let core: ClientCore

  package init(loop: EventLoop, configuration: Configuration = .defaults) {
    core = ClientCore(loop: loop, configuration: configuration)
  }

  /// Sends `request` once and waits for the whole answer, of whatever status.
  ///
  /// Cancelling the task aborts the transfer. The error says whether anything was sent.
  package func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
    if let flaw = request.flaw { throw .invalidRequest(flaw) }
    let exchange = Exchange(request, limits: core.configuration)
    let core = core
    let outcome = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        core.loop.execute { core.submit(exchange, continuation) }
      }
    } onCancel: {
      core.loop.execute { core.cancel(exchange) }
    }
    return try outcome.get()
  }

  /// Aborts what runs, refuses what comes, and closes every connection. A second call is harmless.
  package func close() async {
    let core = core
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      core.loop.execute {
        core.close()
        continuation.resume()
      }
    }
  }
}
