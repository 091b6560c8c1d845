internal import CUV
internal import Glibc

extension SocketAddress {
  /// The most bytes of a unix socket's path or abstract name (unix(7)): Linux has room for 108, and
  /// a path ends in NUL.
  package static let unixNameByteCountMax = 107

  /// Where the name begins in a `sockaddr_un`: behind the family.
  private static let nameOffset = MemoryLayout<sa_family_t>.size

  /// The unix socket at `path`. `nil` when the path is empty, too long or holds a NUL.
  package init?(unixPath path: String) {
    let bytes = Array(path.utf8)
    guard !bytes.contains(0) else { return nil }
    self.init(name: bytes, end: [0])
  }

  /// The unix socket `name` of Linux's abstract namespace, which has no file. `nil` when the name
  /// is empty or too long.
  package init?(abstractName name: String) {
    guard !name.isEmpty else { return nil }
    self.init(name: [0] + Array(name.utf8), end: [])
  }

  /// An address as gRPC writes it: "unix:path", "unix:///path", "unix-abstract:name", or
  /// "host:port" with a host in digits, "[::1]:80". `nil` for anything else, as for a name that
  /// must be looked up.
  package init?(target: String) {
    if let name = target.suffix(after: "unix-abstract:") {
      self.init(abstractName: name)
    } else if let path = target.suffix(after: "unix://") {
      guard path.hasPrefix("/") else { return nil }
      self.init(unixPath: path)
    } else if let path = target.suffix(after: "unix:") {
      self.init(unixPath: path)
    } else if let (host, port) = Self.split(target) {
      self.init(literal: host, port: port)
    } else {
      return nil
    }
  }

  private init?(name: [UInt8], end: [UInt8]) {
    guard !name.isEmpty, name.count <= Self.unixNameByteCountMax,
      Self.nameOffset + name.count < MemoryLayout<sockaddr_un>.size
    else { return nil }
    var storage = sockaddr_storage()
    storage.ss_family = sa_family_t(AF_UNIX)
    let bytes = name + end
    unsafe withUnsafeMutableBytes(of: &storage) { target in
      unsafe UnsafeMutableRawBufferPointer(rebasing: target[Self.nameOffset...])
        .copyBytes(from: bytes)
    }
    self.init(storage, length: socklen_t(Self.nameOffset + bytes.count))
  }

  /// The name's bytes, without the NUL that ends a path.
  private var unixName: [UInt8] {
    guard isUnix, Int(length) > Self.nameOffset else { return [] }
    var storage = storage
    var name = unsafe withUnsafeBytes(of: &storage) { bytes in
      unsafe Array(bytes[Self.nameOffset..<min(Int(length), bytes.count)])
    }
    if name.first != 0, let end = name.firstIndex(of: 0) { name.removeLast(name.count - end) }
    return name
  }

  /// The path of a unix socket that has one.
  package var unixPath: String? {
    let name = unixName
    guard let first = name.first, first != 0 else { return nil }
    return String(decoding: name, as: UTF8.self)
  }

  var unixDescription: String {
    let name = unixName
    guard name.first == 0 else { return "unix:" + String(decoding: name, as: UTF8.self) }
    return "unix-abstract:" + String(decoding: name.dropFirst(), as: UTF8.self)
  }
}

extension String {
  fileprivate func suffix(after prefix: String) -> String? {
    hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
  }
}
