import EventLoops
import Glibc

/// A TCP server that does only what a test tells it, blocking, on a thread of its own.
actor RawListener {
  struct Failure: Error { let operation: String }

  nonisolated let loop = EventLoop(name: "raw-listener")
  nonisolated let port: UInt16
  private let listener: Int32
  private var connections: [Int32] = []

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    unsafe loop.asUnownedSerialExecutor()
  }

  init() throws {
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    unsafe inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let fileDescriptor = listener
    let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe bind(fileDescriptor, address, length) == 0 && listen(fileDescriptor, 16) == 0
          && getsockname(fileDescriptor, address, &length) == 0
      }
    }
    guard bound else { throw Failure(operation: "bind") }
    port = UInt16(bigEndian: address.sin_port)
  }

  nonisolated var url: String { "http://127.0.0.1:\(port)" }

  /// Waits at most 10 s for a connection.
  func accept() throws -> Int32 {
    try waitReadable(listener, milliseconds: 60_000)
    let connection = Glibc.accept(listener, nil, nil)
    guard connection >= 0 else { throw Failure(operation: "accept") }
    connections.append(connection)
    return connection
  }

  /// Whether another connection arrives within the time.
  func acceptsAnother(withinMilliseconds limit: Int32) -> Bool {
    (try? waitReadable(listener, milliseconds: limit)) != nil
  }

  /// Reads one request with its body, by Content-Length.
  func readRequest(_ connection: Int32) throws -> String {
    var text = ""
    while true {
      if let end = text.range(of: "\r\n\r\n") {
        let length = text.contentLength
        if text.utf8.distance(from: end.upperBound, to: text.endIndex) >= length { return text }
      }
      try waitReadable(connection, milliseconds: 60_000)
      var buffer = [UInt8](repeating: 0, count: 65536)
      let count = unsafe recv(connection, &buffer, buffer.count, 0)
      guard count > 0 else { throw Failure(operation: "recv") }
      text += String(decoding: buffer[..<count], as: UTF8.self)
    }
  }

  func write(_ connection: Int32, _ text: String) {
    var text = text
    text.withUTF8 { bytes in
      unsafe _ = send(connection, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
    }
  }

  /// Whether the peer closes the connection within a minute.
  func isClosedByPeer(_ connection: Int32) throws -> Bool {
    try waitReadable(connection, milliseconds: 60_000)
    var byte: UInt8 = 0
    return unsafe recv(connection, &byte, 1, 0) <= 0
  }

  func close(_ connection: Int32) {
    connections.removeAll { $0 == connection }
    Glibc.close(connection)
  }

  /// Ends the connection with a reset.
  func reset(_ connection: Int32) {
    var option = linger(l_onoff: 1, l_linger: 0)
    unsafe setsockopt(
      connection, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    close(connection)
  }

  func closeListener() { Glibc.close(listener) }

  func closeAll() {
    for connection in connections { Glibc.close(connection) }
    connections.removeAll()
  }

  private func waitReadable(_ descriptor: Int32, milliseconds: Int32) throws {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard unsafe poll(&entry, 1, milliseconds) == 1 else { throw Failure(operation: "poll") }
  }
}

extension String {
  fileprivate var contentLength: Int {
    for line in split(separator: "\r\n") where line.lowercased().hasPrefix("content-length:") {
      return Int(line.dropFirst(15).filter { $0 != " " }) ?? 0
    }
    return 0
  }

  fileprivate func range(of part: String) -> Range<String.Index>? {
    firstRange(of: part)
  }
}
