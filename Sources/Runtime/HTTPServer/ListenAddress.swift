internal import Glibc

/// A socket address for `bind`, made from text without asking a name server.
@safe struct ListenAddress {
  private enum Storage {
    case inet(sockaddr_in)
    case inet6(sockaddr_in6)
  }
  private var storage: Storage

  init(host: String, port: UInt16) throws(HTTPServerError) {
    let text = host == "localhost" ? "127.0.0.1" : host
    var four = sockaddr_in()
    var six = sockaddr_in6()
    if unsafe inet_pton(AF_INET, text, &four.sin_addr) == 1 {
      four.sin_family = sa_family_t(AF_INET)
      four.sin_port = port.bigEndian
      storage = .inet(four)
    } else if unsafe inet_pton(AF_INET6, text, &six.sin6_addr) == 1 {
      six.sin6_family = sa_family_t(AF_INET6)
      six.sin6_port = port.bigEndian
      storage = .inet6(six)
    } else {
      throw .addressNotUnderstood(host)
    }
  }

  /// Lends the address to a C call.
  @unsafe func withPointer<R>(_ body: (UnsafePointer<sockaddr>) -> R) -> R {
    switch storage {
    case .inet(var address):
      unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0) }
      }
    case .inet6(var address):
      unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0) }
      }
    }
  }
}
