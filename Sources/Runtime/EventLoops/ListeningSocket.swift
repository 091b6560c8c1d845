internal import CUV
internal import Glibc

/// A bound socket that listens; loops may share it. Closed when the last of its listeners is.
///
/// The file of a unix socket is removed then, if it is still this socket's.
@safe package final class ListeningSocket: Sendable {
  /// How many connections may wait to be accepted; the kernel's own bound may be lower.
  package static let backlog: Int32 = 1024

  /// Where it listens, with the port that the system chose if none was given.
  package let address: SocketAddress
  let descriptor: Int32
  /// Whether several loops accept from it.
  let isShared: Bool
  /// The file that this socket made.
  private let file: SocketFile?

  /// Binds a socket to `address` and listens.
  ///
  /// Several sockets may have one TCP address (SO_REUSEPORT). An IPv6 address is of IPv6 only:
  /// listen at an IPv4 address too for both. The file of a dead server's unix socket is replaced;
  /// that of one that answers is an error (EADDRINUSE).
  package convenience init(at address: SocketAddress) throws(EventLoopError) {
    let descriptor = socket(
      address.family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue),
      0)
    guard descriptor >= 0 else { throw EventLoopError("socket", code: -errno) }
    do throws(EventLoopError) {
      let file = try Self.bind(descriptor, to: address)
      guard Glibc.listen(descriptor, Self.backlog) == 0 else {
        throw EventLoopError("listen at \(address)", code: -errno)
      }
      self.init(descriptor, isShared: address.isUnix, file: file, fallback: address)
    } catch {
      _ = close(descriptor)
      throw error
    }
  }

  /// Takes a stream socket that someone else bound, as systemd does (sd_listen_fds(3): the first
  /// is descriptor 3). The descriptor belongs to this object from now on, and is closed with it;
  /// when this throws it is left alone.
  package convenience init(takingOwnershipOf descriptor: Int32) throws(EventLoopError) {
    var kind: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &kind, &size) == 0 else {
      throw EventLoopError("listen on descriptor \(descriptor)", code: -errno)
    }
    let bound = unsafe SocketAddress.filled { unsafe getsockname(descriptor, $0, $1) }
    guard kind == Int32(SOCK_STREAM.rawValue), let bound, bound.isUnix || bound.isIP else {
      throw EventLoopError(
        "listen on descriptor \(descriptor), which is no stream socket", code: -EPROTOTYPE)
    }
    let flags = fcntl(descriptor, F_GETFL)
    guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0,
      fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0, Glibc.listen(descriptor, Self.backlog) == 0
    else { throw EventLoopError("listen on descriptor \(descriptor)", code: -errno) }
    self.init(descriptor, isShared: true, file: nil, fallback: bound)
  }

  private init(
    _ descriptor: Int32, isShared: Bool, file: SocketFile?, fallback: SocketAddress
  ) {
    self.descriptor = descriptor
    self.isShared = isShared
    self.file = file
    address = unsafe SocketAddress.filled { unsafe getsockname(descriptor, $0, $1) } ?? fallback
  }

  deinit {
    file?.remove()
    _ = close(descriptor)
  }

  private static func bind(
    _ descriptor: Int32, to address: SocketAddress
  ) throws(EventLoopError) -> SocketFile? {
    if address.isUnix { return try SocketFile.bind(descriptor, to: address) }
    try setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR")
    try setOption(descriptor, SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT")
    if address.isIPv6 {
      try setOption(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, "IPV6_V6ONLY")
    }
    guard unsafe address.withPointer({ unsafe Glibc.bind(descriptor, $0, $1) }) == 0 else {
      throw EventLoopError("bind to \(address)", code: -errno)
    }
    return nil
  }

  private static func setOption(
    _ descriptor: Int32, _ level: Int32, _ option: Int32, _ name: String
  ) throws(EventLoopError) {
    var yes: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    guard unsafe setsockopt(descriptor, level, option, &yes, size) == 0 else {
      throw EventLoopError(name, code: -errno)
    }
  }
}

/// The file that a unix socket is bound to.
private struct SocketFile: Sendable {
  let path: String
  let device: UInt64
  let number: UInt64

  /// Binds, replacing the file of a server that is dead. `nil` for a name without a file.
  static func bind(
    _ descriptor: Int32, to address: SocketAddress
  ) throws(EventLoopError) -> SocketFile? {
    var code = bindOnce(descriptor, to: address)
    if code == EADDRINUSE, let path = address.unixPath {
      try replaceDead(at: address, path: path)
      code = bindOnce(descriptor, to: address)
    }
    guard code == 0 else { throw EventLoopError("bind to \(address)", code: -code) }
    return address.unixPath.flatMap { SocketFile(path: $0) }
  }

  private static func bindOnce(_ descriptor: Int32, to address: SocketAddress) -> Int32 {
    unsafe address.withPointer { unsafe Glibc.bind(descriptor, $0, $1) } == 0 ? 0 : errno
  }

  /// Removes the socket at `path` if nobody answers there.
  private static func replaceDead(
    at address: SocketAddress, path: String
  ) throws(EventLoopError) {
    guard let file = SocketFile(path: path) else {
      throw EventLoopError("bind to \(address), a file that is no socket,", code: -EADDRINUSE)
    }
    let probe = socket(
      AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard probe >= 0 else { throw EventLoopError("socket", code: -errno) }
    defer { _ = close(probe) }
    let isRefused =
      unsafe address.withPointer { unsafe Glibc.connect(probe, $0, $1) } != 0
      && errno == ECONNREFUSED
    guard isRefused else {
      throw EventLoopError("bind to \(address), where a server answers,", code: -EADDRINUSE)
    }
    file.remove()
  }

  /// The socket at `path`; `nil` when there is none.
  init?(path: String) {
    var status = stat()
    guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
    self.path = path
    device = UInt64(status.st_dev)
    number = UInt64(status.st_ino)
  }

  /// Removes the file unless another server has put its own there.
  func remove() {
    guard let now = SocketFile(path: path), now.device == device, now.number == number else {
      return
    }
    unsafe _ = unlink(path)
  }
}
