import Buffers
import Glibc
import Testing

@testable import EventLoops

/// Sends back what comes, and ends when the peer does.
private final class EchoSide: StreamSocketDelegate {
  private let socket: StreamSocket
  private var waiting = ByteWriter()
  private var hasEnded = false

  init(_ socket: StreamSocket) { self.socket = socket }

  func socketReceived(_ bytes: RawSpan) {
    waiting.append(bytes)
    flush()
  }

  func socketDrained() { flush() }

  func socketEnded(_ error: EventLoopError?) {
    hasEnded = true
    if waiting.isEmpty { socket.closeAfterWrite() }
  }

  private func flush() {
    guard socket.pendingByteCount == 0 else { return }
    _ = socket.write(waiting)
    waiting.removeAll()
    if hasEnded { socket.closeAfterWrite() }
  }
}

/// Sends `size` bytes and counts what comes back.
private final class CountingSide: StreamSocketDelegate {
  private let socket: StreamSocket
  private let size: Int
  private var count = 0
  private let done: (Int) -> Void

  init(_ socket: StreamSocket, size: Int, done: @escaping (Int) -> Void) {
    self.socket = socket
    self.size = size
    self.done = done
  }

  func begin() {
    socket.start(self)
    var writer = ByteWriter(capacity: size)
    writer.append([UInt8](repeating: 0x61, count: size))
    _ = socket.write(writer)
  }

  func socketReceived(_ bytes: RawSpan) {
    count += bytes.byteCount
    guard count == size else { return }
    socket.close()
    done(count)
  }

  func socketDrained() {}

  func socketEnded(_ error: EventLoopError?) { done(-1) }
}

@Suite(.timeLimit(.minutes(1))) struct StreamSocketTests {
  /// The port of an echo server on `loop`.
  private func startEcho(on loop: EventLoop) async throws -> UInt16 {
    let any = try #require(SocketAddress(literal: "127.0.0.1", port: 0))
    let port = await withCheckedContinuation { (continuation: CheckedContinuation<UInt16, Never>) in
      loop.execute {
        let listener = try? loop.listen(at: any) { $0.start(EchoSide($0)) }
        continuation.resume(returning: listener?.address.port ?? 0)
      }
    }
    #expect(port > 0)
    return port
  }

  private func echo(_ size: Int, host: String, port: UInt16, on loop: EventLoop) async -> Int {
    await withCheckedContinuation { continuation in
      loop.execute {
        loop.connect(host: host, port: port) { result in
          switch result {
          case .failure: continuation.resume(returning: -2)
          case .success(let socket):
            CountingSide(socket, size: size) { continuation.resume(returning: $0) }.begin()
          }
        }
      }
    }
  }

  @Test(arguments: [1, 100_000, 20_000_000])
  func bytesComeBackHoweverMany(size: Int) async throws {
    let server = EventLoop(name: "server")
    let client = EventLoop(name: "client")
    let port = try await startEcho(on: server)
    #expect(await echo(size, host: "127.0.0.1", port: port, on: client) == size)
    client.stop()
    server.stop()
  }

  /// A socket that is taken out of the poll reads again in the next tick.
  @Test func restLastsForATick() async throws {
    let loop = EventLoop(name: "both")
    let any = try #require(SocketAddress(literal: "127.0.0.1", port: 0))
    let port = await withCheckedContinuation { (continuation: CheckedContinuation<UInt16, Never>) in
      loop.execute {
        let listener = try? loop.listen(at: any) { socket in
          socket.start(EchoSide(socket))
          socket.rest()
          socket.rest()
          socket.pauseReading()
          socket.resumeReading()
        }
        continuation.resume(returning: listener?.address.port ?? 0)
      }
    }
    #expect(await echo(300_000, host: "127.0.0.1", port: port, on: loop) == 300_000)
    loop.stop()
  }

  @Test func namesAreLookedUp() async throws {
    let loop = EventLoop(name: "both")
    let port = try await startEcho(on: loop)
    #expect(await echo(10, host: "localhost", port: port, on: loop) == 10)
    #expect(await echo(10, host: "no-such-host.invalid", port: port, on: loop) == -2)
    loop.stop()
  }

  @Test func nobodyListens() async {
    let loop = EventLoop(name: "client")
    #expect(await echo(1, host: "127.0.0.1", port: 1, on: loop) == -2)
    loop.stop()
  }

  @Test func twoLoopsShareAnAddress() async throws {
    let loops = EventLoopGroup(name: "server", count: 2)
    let port = try await startEcho(on: loops.loops[0])
    let same = try #require(SocketAddress(literal: "127.0.0.1", port: port))
    let isListening = await withCheckedContinuation { continuation in
      loops.loops[1].execute {
        let listener = try? loops.loops[1].listen(at: same) { $0.start(EchoSide($0)) }
        continuation.resume(returning: listener != nil)
      }
    }
    #expect(isListening)
    let client = EventLoop(name: "client")
    for _ in 0..<20 {
      #expect(await echo(100, host: "127.0.0.1", port: port, on: client) == 100)
    }
    client.stop()
    loops.stop()
  }

  private func startEcho(on loop: EventLoop, at socket: ListeningSocket) async -> Bool {
    await withCheckedContinuation { continuation in
      loop.execute {
        let listener = try? loop.listen(on: socket) { $0.start(EchoSide($0)) }
        continuation.resume(returning: listener != nil)
      }
    }
  }

  private func echo(_ size: Int, at address: SocketAddress, on loop: EventLoop) async -> Int {
    await withCheckedContinuation { continuation in
      loop.execute {
        loop.connect(to: address) { result in
          switch result {
          case .failure: continuation.resume(returning: -2)
          case .success(let socket):
            CountingSide(socket, size: size) { continuation.resume(returning: $0) }.begin()
          }
        }
      }
    }
  }

  private func temporaryPath() -> String {
    "/tmp/trunkline-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
  }

  private func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  @Test(arguments: [1, 5_000_000])
  func unixSocketsCarryBytesAndRemoveTheirFile(size: Int) async throws {
    let path = temporaryPath()
    let address = try #require(SocketAddress(unixPath: path))
    let loops = EventLoopGroup(name: "server", count: 2)
    do {
      let socket = try ListeningSocket(at: address)
      #expect(socket.address.description == "unix:" + path)
      for loop in loops.loops { #expect(await startEcho(on: loop, at: socket)) }
    }
    let client = EventLoop(name: "client")
    for _ in 0..<4 { #expect(await echo(size, at: address, on: client) == size) }
    #expect(exists(path))
    loops.stop()
    #expect(!exists(path))
    #expect(await echo(size, at: address, on: client) == -2)
    client.stop()
  }

  @Test func abstractNamesNeedNoFile() async throws {
    let address = try #require(SocketAddress(target: "unix-abstract:trunkline-\(getpid())"))
    let loop = EventLoop(name: "both")
    #expect(await startEcho(on: loop, at: try ListeningSocket(at: address)))
    #expect(await echo(10, at: address, on: loop) == 10)
    loop.stop()
  }

  @Test func theFileOfADeadServerIsReplacedAndThatOfALivingOneNot() throws {
    let path = temporaryPath()
    let address = try #require(SocketAddress(unixPath: path))
    // A server that died: its socket is closed, its file is left.
    let dead = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    #expect(unsafe address.withPointer { unsafe bind(dead, $0, $1) } == 0)
    close(dead)
    let socket = try ListeningSocket(at: address)
    #expect {
      _ = try ListeningSocket(at: address)
    } throws: {
      "\($0)".contains("where a server answers") && ($0 as? EventLoopError)?.code == -EADDRINUSE
    }
    #expect(exists(path))
    withExtendedLifetime(socket) {}
  }

  @Test func aFileThatIsNoSocketIsLeftAlone() throws {
    let path = temporaryPath()
    close(unsafe open(path, O_CREAT | O_WRONLY, 0o600))
    let address = try #require(SocketAddress(unixPath: path))
    #expect(throws: EventLoopError.self) { try ListeningSocket(at: address) }
    #expect(exists(path))
    unsafe _ = unlink(path)
  }

  @Test func aClosedServerLeavesTheFileOfItsSuccessor() throws {
    let path = temporaryPath()
    let address = try #require(SocketAddress(unixPath: path))
    var first: ListeningSocket? = try ListeningSocket(at: address)
    #expect(first != nil)
    unsafe _ = unlink(path)
    let second = try ListeningSocket(at: address)
    first = nil
    #expect(exists(path))
    withExtendedLifetime(second) {}
  }

  @Test func boundDescriptorsAreTakenOver() async throws {
    let any = try #require(SocketAddress(literal: "::1", port: 0))
    let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
    #expect(unsafe any.withPointer { unsafe bind(descriptor, $0, $1) } == 0)
    let server = EventLoop(name: "server")
    let socket = try ListeningSocket(takingOwnershipOf: descriptor)
    #expect(socket.address.port > 0)
    #expect(await startEcho(on: server, at: socket))
    let client = EventLoop(name: "client")
    #expect(await echo(100, at: socket.address, on: client) == 100)
    client.stop()
    server.stop()
  }

  @Test func descriptorsOfOtherKindsAreRefused() {
    let datagrams = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    for descriptor in [-1, datagrams] {
      #expect(throws: EventLoopError.self) {
        try ListeningSocket(takingOwnershipOf: descriptor)
      }
    }
    close(datagrams)
  }

  @Test func noFailedAcceptIsTheEnd() {
    #expect(AcceptFailure(errno: EAGAIN) == .empty)
    for code in [ECONNABORTED, EPROTO, EHOSTUNREACH, ENETDOWN, EPERM, EINTR] {
      #expect(AcceptFailure(errno: code) == .ofOneConnection)
    }
    for code in [EMFILE, ENFILE, ENOBUFS, ENOMEM, EINVAL, 9999] {
      #expect(AcceptFailure(errno: code) == .noResources)
    }
  }

  @Test func unixAddressesAreReadAndWritten() {
    #expect(SocketAddress(target: "unix:///run/a.sock")?.description == "unix:/run/a.sock")
    #expect(SocketAddress(target: "unix:a.sock")?.unixPath == "a.sock")
    #expect(SocketAddress(target: "unix-abstract:a")?.description == "unix-abstract:a")
    #expect(SocketAddress(target: "[::1]:80")?.description == "ipv6:[::1]:80")
    #expect(SocketAddress(target: "unix:a")?.port == 0)
    let longest = String(repeating: "x", count: SocketAddress.unixNameByteCountMax)
    #expect(SocketAddress.unixNameByteCountMax == 107)
    #expect(SocketAddress(unixPath: longest)?.unixPath == longest)
    #expect(SocketAddress(unixPath: longest + "x") == nil)
    for target in ["unix:", "unix://relative", "unix-abstract:", "localhost:80", "unix:a\0b"] {
      #expect(SocketAddress(target: target) == nil, "\(target)")
    }
  }

  @Test func addressesAreReadAndWritten() {
    #expect(SocketAddress(literal: "127.0.0.1", port: 80)?.description == "ipv4:127.0.0.1:80")
    #expect(SocketAddress(literal: "::1", port: 443)?.description == "ipv6:[::1]:443")
    #expect(SocketAddress(literal: "localhost", port: 80) == nil)
    #expect(SocketAddress.split("[::1]:80")?.host == "::1")
    #expect(SocketAddress.split("localhost:8080")?.port == 8080)
    for text in ["", ":80", "a:", "a:99999", "::1:80", "a"] {
      #expect(SocketAddress.split(text) == nil, "\(text)")
    }
  }
}
