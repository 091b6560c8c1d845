import EventLoops
import Glibc

/// A TCP client that does only what a test tells it, blocking, on a thread of its own.
actor RawPeer {
  nonisolated let loop = EventLoop(name: "raw-peer")
  private let descriptor: Int32

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    unsafe loop.asUnownedSerialExecutor()
  }

  init(port: UInt16) {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    unsafe inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
    let fileDescriptor = descriptor
    unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe _ = connect(
          fileDescriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  func write(_ text: String) {
    var text = text
    let descriptor = descriptor
    text.withUTF8 { bytes in
      unsafe _ = send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
    }
  }

  /// Reads until `end` has come, the peer closes, or nothing came for a minute.
  func read(until end: String? = nil) -> String {
    var text = ""
    while end.map({ !text.contains($0) }) ?? true {
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard unsafe poll(&entry, 1, 60_000) == 1 else { return text + "<nothing more>" }
      var buffer = [UInt8](repeating: 0, count: 65536)
      let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { return text + "<closed>" }
      text += String(decoding: buffer[..<count], as: UTF8.self)
    }
    return text
  }

  /// Whether nothing comes, not even the end, within the time.
  func isSilent(forMilliseconds limit: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&entry, 1, limit) == 0
  }

  func close() { Glibc.close(descriptor) }
}
