internal import Glibc

/// A blocking socket on the loopback interface, for libFuzzer's thread: the fuzzed code is not on
/// both ends.
struct RawSocket: ~Copyable {
  /// How long the other end may take for anything, in seconds.
  private static let waitMax = 20

  private let descriptor: Int32

  private init(owning descriptor: Int32) {
    self.descriptor = descriptor
    var bound = timeval(tv_sec: Self.waitMax, tv_usec: 0)
    unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &bound, socklen_t(MemoryLayout<timeval>.size))
    // Pieces go out as they are, and none waits for the acknowledgement of the one before.
    var one: Int32 = 1
    unsafe setsockopt(
      descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
  }

  deinit { _ = Glibc.close(descriptor) }

  /// Connects to a server of this process.
  init(connectedTo port: UInt16) {
    self.init(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
    var address = Self.loopback(port)
    let code = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe connect(
        descriptor, UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self),
        socklen_t(MemoryLayout<sockaddr_in>.size))
    }
    precondition(code == 0 || errno == EINTR, "the server takes no connection: \(errno)")
    var waits = [pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)]
    precondition(Self.wait(&waits), "the server takes no connection")
  }

  /// Listens on a free port; see ``port``.
  static func listening() -> RawSocket {
    let listener = RawSocket(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
    var address = loopback(0)
    let code = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe bind(
        listener.descriptor, UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self),
        socklen_t(MemoryLayout<sockaddr_in>.size))
    }
    precondition(code == 0, "no port: \(errno)")
    precondition(listen(listener.descriptor, 16) == 0, "can't listen: \(errno)")
    return listener
  }

  /// Of a socket that listens.
  var port: UInt16 {
    var address = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    unsafe withUnsafeMutablePointer(to: &address) { pointer in
      _ = unsafe getsockname(
        descriptor, UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), &size)
    }
    return UInt16(bigEndian: address.sin_port)
  }

  private static func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }

  /// Waits for one of `waits`; `false` if none of them has come about in time. libFuzzer's own
  /// clock interrupts what waits.
  private static func wait(_ waits: inout [pollfd]) -> Bool {
    while true {
      let count = unsafe poll(&waits, nfds_t(waits.count), Int32(waitMax) * 1000)
      if count >= 0 || errno != EINTR { return count > 0 }
    }
  }

  /// Of a socket that listens: the next connection, or `nil` when `flag` was raised before one
  /// came.
  func accepted(or flag: EventFlag) -> RawSocket? {
    var waits = [
      pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: flag.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    var count: Int32
    repeat {
      count = unsafe poll(&waits, 2, Int32(Self.waitMax) * 1000)
    } while count < 0
      && errno == EINTR
    precondition(count > 0, "the client neither connects nor gives up")
    if waits[1].revents != 0 { return nil }
    let taken = accept(descriptor, nil, nil)
    precondition(taken >= 0, "no connection: \(errno)")
    return RawSocket(owning: taken)
  }

  /// Sends `bytes` in pieces of `size`, as far as the other end takes them, and that there are no
  /// more.
  func send(_ bytes: [UInt8], inPiecesOf size: Int) {
    var start = 0
    while start < bytes.count {
      let end = min(start + size, bytes.count)
      let sent = unsafe Array(bytes[start..<end]).withUnsafeBytes {
        unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if sent <= 0 { break }
      start = end
    }
    _ = shutdown(descriptor, Int32(SHUT_WR))
  }

  /// Reads until the other end closes, which it must.
  func waitForEnd() {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes {
        unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
      }
      if count > 0 || (count < 0 && errno == EINTR) { continue }
      precondition(count == 0 || errno == ECONNRESET, "the other end does not close: \(errno)")
      return
    }
  }
}

/// A flag that a socket's wait can see: a pipe with a byte in it.
final class EventFlag: Sendable {
  fileprivate let descriptor: Int32
  private let writer: Int32

  init() {
    var ends: [Int32] = [-1, -1]
    precondition(unsafe pipe(&ends) == 0, "no pipe: \(errno)")
    descriptor = ends[0]
    writer = ends[1]
  }

  deinit {
    _ = close(descriptor)
    _ = close(writer)
  }

  func raise() { _ = unsafe write(writer, [1], 1) }
}
