package import EventLoops
internal import Glibc

/// Why a server can't listen.
package enum HTTPServerError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Not an IPv4 or IPv6 address, nor `localhost`.
  case addressNotUnderstood(String)
  /// The operating system refuses, as when the port is taken.
  case cannotListen(errno: Int32)

  package var description: String {
    switch self {
    case .addressNotUnderstood(let text): "\(text) is not an IP address."
    case .cannotListen(let errno): "Can't listen: \(unsafe String(cString: strerror(errno)))."
    }
  }
}

/// Serves HTTP/1.1 on one event loop.
///
/// It listens from its making until ``stop(gracePeriod:)``, which its owner must await before the
/// loop stops. The handler is called on the loop, for many requests at a time.
package final class WebServer: Sendable {
  /// What a server may use at most.
  package struct Configuration: Sendable, Hashable {
    /// Connections at a time; more wait in the kernel's queue.
    package var connectionsMax = 1024
    /// Request line and header fields together, on one connection.
    package var headerBytesMax = 32 << 10
    package var headerCountMax = 100
    package var bodyBytesMax = 1 << 20
    /// From the opening of the connection, or the answer before, to the whole next head; a
    /// connection kept alive in idleness is cut after it, too, so that none holds a place for long.
    package var headTimeout: Duration = .seconds(5)
    /// From a request's head to the end of its body.
    package var requestTimeout: Duration = .seconds(30)
    /// For the handler. After it the peer gets 503 and the handler's task is cancelled.
    package var handlerTimeout: Duration = .seconds(60)
    /// For writing the answer.
    package var responseTimeout: Duration = .seconds(30)

    package init() {}
    package static let defaults = Configuration()
  }

  package typealias Handler = @Sendable (HTTPServerRequest) async -> HTTPServerResponse

  /// The port that the server listens on, also when 0 was asked for.
  package let port: UInt16
  private let core: ServerCore

  /// Listens on `host`, an IP address or `localhost`, and `port`; 0 takes a free one.
  package init(
    loop: EventLoop, host: String, port: UInt16, configuration: Configuration = .defaults,
    handler: @escaping Handler
  ) throws(HTTPServerError) {
    let core = ServerCore(loop: loop, configuration: configuration, handler: handler)
    self.port = try core.listen(host: host, port: port)
    self.core = core
    loop.execute { core.begin() }
  }

  /// Takes no new connection, waits up to `gracePeriod` for the requests at hand, and closes.
  ///
  /// Handlers that are not done by then are cancelled; the answer is how many there were. Every
  /// call waits for the end.
  @discardableResult
  package func stop(gracePeriod: Duration = .seconds(5)) async -> Int {
    let core = core
    return await withCheckedContinuation { continuation in
      core.loop.execute { core.stop(gracePeriod: gracePeriod, continuation) }
    }
  }
}
