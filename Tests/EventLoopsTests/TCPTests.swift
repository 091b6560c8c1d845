import Buffers
import Synchronization
import Testing

@testable import EventLoops

/// Sends back what comes, and ends when the peer does.
private final class EchoSide: TCPConnectionDelegate {
  private let tcp: TCPConnection
  private var waiting = ByteWriter()
  private var hasEnded = false

  init(_ tcp: TCPConnection) { self.tcp = tcp }

  func connectionReceived(_ bytes: RawSpan) {
    waiting.append(bytes)
    flush()
  }

  func connectionDrained() { flush() }

  func connectionEnded(_ error: EventLoopError?) {
    hasEnded = true
    if waiting.isEmpty { tcp.closeAfterWrite() }
  }

  private func flush() {
    guard tcp.pendingByteCount == 0 else { return }
    _ = tcp.write(waiting)
    waiting.removeAll()
    if hasEnded { tcp.closeAfterWrite() }
  }
}

/// Sends `size` bytes and counts what comes back.
private final class CountingSide: TCPConnectionDelegate {
  private let tcp: TCPConnection
  private let size: Int
  private var count = 0
  private let done: (Int) -> Void

  init(_ tcp: TCPConnection, size: Int, done: @escaping (Int) -> Void) {
    self.tcp = tcp
    self.size = size
    self.done = done
  }

  func begin() {
    tcp.start(self)
    var writer = ByteWriter(capacity: size)
    writer.append([UInt8](repeating: 0x61, count: size))
    _ = tcp.write(writer)
  }

  func connectionReceived(_ bytes: RawSpan) {
    count += bytes.byteCount
    guard count == size else { return }
    tcp.close()
    done(count)
  }

  func connectionDrained() {}

  func connectionEnded(_ error: EventLoopError?) { done(-1) }
}

@Suite(.timeLimit(.minutes(1))) struct TCPTests {
  /// The port of an echo server on `loop`.
  private func startEcho(on loop: EventLoop) async throws -> UInt16 {
    let any = try #require(SocketAddress(literal: "127.0.0.1", port: 0))
    let port = await withCheckedContinuation { (continuation: CheckedContinuation<UInt16, Never>) in
      loop.execute {
        let listener = try? loop.listen(at: any) { $0.start(EchoSide($0)) }
        continuation.resume(returning: listener?.address?.port ?? 0)
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
          case .success(let tcp):
            CountingSide(tcp, size: size) { continuation.resume(returning: $0) }.begin()
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

private final class Waiting: DeadlineHandler {
  let passed: () -> Void
  init(_ passed: @escaping () -> Void) { self.passed = passed }
  func deadlinePassed() { passed() }
}

@Suite(.timeLimit(.minutes(1))) struct DeadlineWheelTests {
  @Test func deadlinesPassInOrderAndRemovedOnesNever() async {
    let loop = EventLoop(name: "wheel")
    let order = Mutex<[Int]>([])
    await withCheckedContinuation { done in
      loop.execute {
        let wheel = DeadlineWheel(loop: loop)
        var kept: [Waiting] = []
        for milliseconds in [60, 20, 40, 0] {
          let waiting = Waiting {
            order.withLock { $0.append(milliseconds) }
            guard milliseconds == 60 else { return }
            #expect(wheel.count == 1)
            done.resume()
          }
          kept.append(waiting)
          _ = wheel.add(waiting, after: .milliseconds(milliseconds))
        }
        let never = Waiting { order.withLock { $0.append(-1) } }
        let entry = wheel.add(never, after: .milliseconds(30))
        wheel.remove(entry)
        wheel.remove(entry)
        let late = Waiting { order.withLock { $0.append(-2) } }
        _ = wheel.add(late, after: .seconds(3600))
        kept += [never, late]
        loop.schedule(after: .seconds(2)) { _ = kept.count }
      }
    }
    #expect(order.withLock { $0 } == [0, 20, 40, 60])
    loop.stop()
  }
}
