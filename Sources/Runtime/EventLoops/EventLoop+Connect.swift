internal import CUV
internal import Glibc

extension EventLoop {
  /// Connects to `host`, a name or an address in digits, trying its addresses in turn.
  ///
  /// Call it on the loop; `body` is called there once, never before this returns. Only the
  /// system's own bounds hold for the wait: cancel with ``ConnectAttempt/cancel()``.
  @discardableResult
  package func connect(
    host: String, port: UInt16,
    _ body: @escaping (Result<StreamSocket, EventLoopError>) -> Void
  ) -> ConnectAttempt {
    assert(isCurrent)
    let attempt = ConnectAttempt(loop: self, body: body)
    if let address = SocketAddress(literal: host, port: port) {
      attempt.resolved(.success([address]))
    } else {
      resolve(host: host, port: port) { attempt.resolved($0) }
    }
    return attempt
  }

  /// Connects to `address`, under the same rules.
  @discardableResult
  package func connect(
    to address: SocketAddress, _ body: @escaping (Result<StreamSocket, EventLoopError>) -> Void
  ) -> ConnectAttempt {
    assert(isCurrent)
    let attempt = ConnectAttempt(loop: self, body: body)
    attempt.resolved(.success([address]))
    return attempt
  }

  /// The addresses of `host`, a name or digits. Call it on the loop; `body` is called there once,
  /// never before this returns (uv_getaddrinfo, on a thread of libuv's).
  package func resolve(
    host: String, port: UInt16,
    _ body: @escaping (Result<[SocketAddress], EventLoopError>) -> Void
  ) {
    assert(isCurrent)
    Resolution(port: port, body: body).begin(on: self, host: host)
  }
}

/// One ``EventLoop/connect(host:port:_:)``. Use it on its loop only.
@safe package final class ConnectAttempt {
  private let loop: EventLoop
  private var body: ((Result<StreamSocket, EventLoopError>) -> Void)?
  private var addresses: ArraySlice<SocketAddress> = []
  private var connection: StreamSocket?

  fileprivate init(
    loop: EventLoop, body: @escaping (Result<StreamSocket, EventLoopError>) -> Void
  ) {
    self.loop = loop
    self.body = body
  }

  /// Gives up; the body is not called any more. After the body was called it does nothing.
  package func cancel() {
    body = nil
    connection?.close()
    connection = nil
  }

  fileprivate func resolved(_ result: Result<[SocketAddress], EventLoopError>) {
    switch result {
    case .success(let found):
      addresses = found[...]
      tryNext(after: EventLoopError("name lookup", code: UV_EAI_NONAME.rawValue))
    case .failure(let error):
      finish(.failure(error))
    }
  }

  private func tryNext(after error: EventLoopError) {
    guard body != nil else { return }
    guard let address = addresses.popFirst() else {
      // In a callback of its own: the caller is perhaps still inside `connect`.
      loop.schedule(after: .zero) { self.finish(.failure(error)) }
      return
    }
    let connection = StreamSocket(loop: loop, isUnix: address.isUnix)
    self.connection = connection
    if address.isUnix {
      connectUnix(connection, to: address)
    } else {
      connectTCP(connection, to: address)
    }
  }

  /// A unix socket connects at once or not at all; EAGAIN means that the server's queue is full.
  private func connectUnix(_ connection: StreamSocket, to address: SocketAddress) {
    let status = Self.open(connection, at: address)
    // In a callback of its own, as for the other kind.
    loop.schedule(after: .zero) { self.connected(status: status) }
  }

  private static func open(_ connection: StreamSocket, at address: SocketAddress) -> Int32 {
    let descriptor = socket(
      AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return -errno }
    guard unsafe address.withPointer({ unsafe Glibc.connect(descriptor, $0, $1) }) == 0 else {
      let code = -errno
      _ = close(descriptor)
      return code
    }
    do {
      try connection.open(takingOwnershipOf: descriptor)
      return 0
    } catch {
      return error.code
    }
  }

  private func connectTCP(_ connection: StreamSocket, to address: SocketAddress) {
    let request = UnsafeMutablePointer<uv_connect_t>.allocate(capacity: 1)
    unsafe request.pointee.data = unsafe Unmanaged.passRetained(self).toOpaque()
    let code = unsafe address.withPointer { pointer, _ in
      unsafe uv_tcp_connect(request, connection.tcp, pointer) { request, status in
        guard let request = unsafe request, let data = unsafe request.pointee.data else { return }
        let attempt = unsafe Unmanaged<ConnectAttempt>.fromOpaque(data).takeRetainedValue()
        unsafe request.deallocate()
        attempt.connected(status: status)
      }
    }
    guard code != 0 else { return }
    unsafe Unmanaged.passUnretained(self).release()
    unsafe request.deallocate()
    connected(status: code)
  }

  private func connected(status: Int32) {
    guard body != nil, let connection else { return }
    self.connection = nil
    if status == 0 { return finish(.success(connection)) }
    connection.close()
    tryNext(after: EventLoopError("connect", code: status))
  }

  private func finish(_ result: Result<StreamSocket, EventLoopError>) {
    let body = self.body
    self.body = nil
    body?(result)
  }
}
