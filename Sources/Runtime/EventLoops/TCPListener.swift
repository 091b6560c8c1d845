internal import CUV
internal import Glibc

/// Accepts connections on one loop. Use it there only.
///
/// Several loops may listen at the same address (SO_REUSEPORT); the kernel spreads connections.
@safe package final class TCPListener: UVHandleOwner {
  private let loop: EventLoop
  private let tcp: UnsafeMutablePointer<uv_tcp_t>
  private var accepted: ((TCPConnection) -> Void)?

  fileprivate init(loop: EventLoop, accepted: @escaping (TCPConnection) -> Void) {
    self.loop = loop
    self.accepted = accepted
    unsafe tcp = .allocate(capacity: 1)
    super.init()
  }

  fileprivate func begin(at address: SocketAddress, backlog: Int32) throws(EventLoopError) {
    let family = address.isIPv6 ? AF_INET6 : AF_INET
    try check("socket", unsafe uv_tcp_init_ex(loop.handle, tcp, UInt32(family)))
    unsafe adopt(tcp)
    var descriptor: Int32 = -1
    let handle = unsafe UnsafeMutableRawPointer(tcp).assumingMemoryBound(to: uv_handle_t.self)
    try check("socket", unsafe uv_fileno(handle, &descriptor))
    var yes: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    if unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &yes, size) != 0 {
      throw EventLoopError("SO_REUSEPORT", code: -errno)
    }
    // Only a v6 socket may be dual; ours never is, so that an address means what it says.
    let flags = address.isIPv6 ? UInt32(UV_TCP_IPV6ONLY.rawValue) : 0
    try check("bind", unsafe address.withPointer { unsafe uv_tcp_bind(tcp, $0, flags) })
    let stream = unsafe UnsafeMutableRawPointer(tcp).assumingMemoryBound(to: uv_stream_t.self)
    try check("listen", unsafe uv_listen(stream, backlog, connectionCame))
  }

  private func check(_ operation: String, _ code: Int32) throws(EventLoopError) {
    if code != 0 { throw EventLoopError(operation, code: code) }
  }

  /// Where it listens, with the port that the system chose if none was given.
  package var address: SocketAddress? {
    unsafe SocketAddress.filled { address, length in unsafe uv_tcp_getsockname(tcp, address, length)
    }
  }

  fileprivate func came(status: Int32) {
    // A connection that broke before it was accepted is nobody's error; the next one may be well.
    guard status == 0, let accepted else { return }
    let connection = TCPConnection(loop: loop)
    let server = unsafe UnsafeMutableRawPointer(tcp).assumingMemoryBound(to: uv_stream_t.self)
    let client = unsafe UnsafeMutableRawPointer(connection.handle)
      .assumingMemoryBound(to: uv_stream_t.self)
    if unsafe uv_accept(server, client) == 0 { accepted(connection) } else { connection.close() }
  }

  /// Accepts no more. A second call does nothing.
  package func close() {
    accepted = nil
    closeHandle()
  }

  override func closeAtStop() { close() }
}

private func connectionCame(_ stream: UnsafeMutablePointer<uv_stream_t>?, status: Int32) {
  unsafe owner(of: stream?.pointee.data, as: TCPListener.self)?.came(status: status)
}

extension EventLoop {
  /// How many connections may wait to be accepted; the kernel's own bound may be lower.
  package static let listenBacklog: Int32 = 1024

  /// Accepts connections at `address`; port 0 leaves the choice to the system. Call it on the loop.
  ///
  /// `accepted` owns each connection: it calls ``TCPConnection/start(_:)`` or closes it.
  package func listen(
    at address: SocketAddress, _ accepted: @escaping (TCPConnection) -> Void
  ) throws(EventLoopError) -> TCPListener {
    assert(isCurrent)
    let listener = TCPListener(loop: self, accepted: accepted)
    do {
      try listener.begin(at: address, backlog: Self.listenBacklog)
    } catch {
      listener.close()
      throw error
    }
    return listener
  }
}
