internal import Buffers
internal import GRPC

/// The router's methods, found by the bytes of a path.
struct PathTable: Sendable {
  private struct Entry {
    let path: [UInt8]
    let handler: any MethodHandler
  }

  private let buckets: [[Entry]]
  private let mask: Int

  init(_ router: Router) {
    var count = 16
    while count < router.methods.count * 4 { count *= 2 }
    var buckets = [[Entry]](repeating: [], count: count)
    mask = count - 1
    for handler in router.methods {
      let entry = Entry(path: Array(handler.descriptor.path.utf8), handler: handler)
      let hash = entry.path.withBytes { $0.quickHash() }
      buckets[Int(truncatingIfNeeded: hash) & mask].append(entry)
    }
    self.buckets = buckets
  }

  /// The handler of exactly this path.
  func handler(for path: RawSpan) -> (any MethodHandler)? {
    for entry in buckets[Int(truncatingIfNeeded: path.quickHash()) & mask]
    where path.equals(entry.path) {
      return entry.handler
    }
    return nil
  }
}
