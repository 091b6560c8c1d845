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
    _ body: @escaping (Result<TCPConnection, EventLoopError>) -> Void
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
  private var body: ((Result<TCPConnection, EventLoopError>) -> Void)?
  private var addresses: ArraySlice<SocketAddress> = []
  private var connection: TCPConnection?

  fileprivate init(
    loop: EventLoop, body: @escaping (Result<TCPConnection, EventLoopError>) -> Void
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
    let connection = TCPConnection(loop: loop)
    self.connection = connection
    let request = UnsafeMutablePointer<uv_connect_t>.allocate(capacity: 1)
    unsafe request.pointee.data = unsafe Unmanaged.passRetained(self).toOpaque()
    let code = unsafe address.withPointer { pointer in
      unsafe uv_tcp_connect(request, connection.handle, pointer) { request, status in
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

  private func finish(_ result: Result<TCPConnection, EventLoopError>) {
    let body = self.body
    self.body = nil
    body?(result)
  }
}

/// One name lookup.
@safe private final class Resolution {
  private let port: UInt16
  private let body: (Result<[SocketAddress], EventLoopError>) -> Void

  init(port: UInt16, body: @escaping (Result<[SocketAddress], EventLoopError>) -> Void) {
    self.port = port
    self.body = body
  }

  func begin(on loop: EventLoop, host: String) {
    let request = UnsafeMutablePointer<uv_getaddrinfo_t>.allocate(capacity: 1)
    unsafe request.pointee.data = unsafe Unmanaged.passRetained(self).toOpaque()
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    unsafe hints.ai_protocol = Int32(IPPROTO_TCP)
    let code = unsafe uv_getaddrinfo(loop.handle, request, nameResolved, host, nil, &hints)
    if code != 0 {
      loop.schedule(after: .zero) { unsafe nameResolved(request, status: code, nil) }
    }
  }

  func finish(status: Int32, _ list: UnsafeMutablePointer<addrinfo>?) {
    guard status == 0 else {
      return body(.failure(EventLoopError("name lookup", code: status)))
    }
    var addresses: [SocketAddress] = []
    var next = unsafe list
    while let entry = unsafe next {
      var storage = sockaddr_storage()
      let length = min(
        Int(unsafe entry.pointee.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
      if let address = unsafe entry.pointee.ai_addr {
        unsafe withUnsafeMutableBytes(of: &storage) { target in
          unsafe target.copyMemory(from: UnsafeRawBufferPointer(start: address, count: length))
        }
        addresses.append(SocketAddress(storage).with(port: port))
      }
      unsafe next = unsafe entry.pointee.ai_next
    }
    body(.success(addresses))
  }
}

private func nameResolved(
  _ request: UnsafeMutablePointer<uv_getaddrinfo_t>?, status: Int32,
  _ list: UnsafeMutablePointer<addrinfo>?
) {
  guard let request = unsafe request, let data = unsafe request.pointee.data else { return }
  let resolution = unsafe Unmanaged<Resolution>.fromOpaque(data).takeRetainedValue()
  unsafe request.deallocate()
  unsafe resolution.finish(status: status, list)
  unsafe uv_freeaddrinfo(list)
}
