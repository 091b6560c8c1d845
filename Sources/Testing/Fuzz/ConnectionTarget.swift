internal import Buffers
internal import EventLoops
internal import GRPC
internal import GRPCServices
internal import GRPCTransport
internal import Glibc
internal import Synchronization

/// A whole server connection, over a real socket: health and reflection answer what the bytes ask.
/// After each input the server must still close a connection that its peer has left.
final class ConnectionTarget: Sendable {
  static let shared = ConnectionTarget()

  private let port: UInt16
  private static let magic = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
  private static let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
  /// How long the server may take to close, in seconds.
  private static let closeMax = 20

  private init() {
    let loop = EventLoop(name: "fuzz")
    let router = Router.standard(services: [], health: HealthService())
    let server = GRPCServer(router: router, loops: [loop])
    port = Blocking.value {
      guard let address = SocketAddress(literal: "127.0.0.1", port: 0),
        let bound = try? await server.listen(at: address)
      else { fatalError("the server does not listen") }
      return bound.port
    }
  }

  @Sendable func run(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let descriptor = connected()
    defer { _ = close(descriptor) }
    var bytes = Array(input.dropFirst())
    if first & 1 == 0 { bytes = Self.magic + Self.settings + bytes }
    let chunk = first & 2 == 0 ? max(bytes.count, 1) : Int(first >> 2) + 1
    var start = 0
    while start < bytes.count {
      let end = min(start + chunk, bytes.count)
      let sent = unsafe Array(bytes[start..<end]).withUnsafeBytes {
        unsafe send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if sent <= 0 { break }
      start = end
    }
    _ = shutdown(descriptor, Int32(SHUT_WR))
    waitForEnd(descriptor)
  }

  private func connected() -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe connect(
        descriptor, UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), size)
    }
    precondition(code == 0, "the server takes no connection: \(errno)")
    var bound = timeval(tv_sec: Self.closeMax, tv_usec: 0)
    unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &bound, socklen_t(MemoryLayout<timeval>.size))
    return descriptor
  }

  private func waitForEnd(_ descriptor: Int32) {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes {
        unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
      }
      if count > 0 { continue }
      precondition(count == 0 || errno == ECONNRESET, "the server does not close: \(errno)")
      return
    }
  }
}

/// Waits on libFuzzer's thread for what a task makes: there is no other place to wait in.
private enum Blocking {
  static func value<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) -> Value {
    let result = Mutex<Value?>(nil)
    let done = Flag()
    _ = Task.detached {
      let value = await body()
      result.withLock { $0 = value }
      done.raise()
    }
    done.wait()
    guard let value = result.withLock({ $0 }) else { preconditionFailure("no value") }
    return value
  }
}

/// A flag that one thread waits for.
private final class Flag: Sendable {
  private let isRaised = Atomic<Bool>(false)

  func raise() { isRaised.store(true, ordering: .releasing) }

  func wait() { while !isRaised.load(ordering: .acquiring) { _ = sched_yield() } }
}
