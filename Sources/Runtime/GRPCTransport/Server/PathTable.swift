internal import Buffers
internal import GRPC

/// The router's methods, found by the bytes of a path.
struct PathTable: Sendable {
  private struct Entry {
    let path: [UInt8]
    let method: Method
  }

  /// A method with its place in ``names``.
  struct Method: Sendable {
    let index: Int
    let handler: any MethodHandler
    /// Whether the contract says so: it may be called by GET.
    let isSideEffectFree: Bool
  }

  /// What stands for every method that the server does not have (gRFC A66).
  static let otherName = "other"
  /// The place of ``otherName`` in ``names``.
  static let otherIndex = 0

  /// The methods by a dense index, as in "grpc.health.v1.Health/Check".
  let names: [String]
  /// Asked about every call to one of the methods.
  let admission: (any CallAdmission)?
  /// Asked on every call's path, where looking into ``admission`` would copy it.
  let hasAdmission: Bool

  private let buckets: [[Entry]]
  private let mask: Int

  init(_ router: Router) {
    var count = 16
    while count < router.methods.count * 4 { count *= 2 }
    var buckets = [[Entry]](repeating: [], count: count)
    mask = count - 1
    var names = [Self.otherName]
    let sideEffectFree = SideEffectFreeMethods.paths(of: router.services)
    for handler in router.methods.sorted(by: { $0.descriptor.path < $1.descriptor.path }) {
      let path = handler.descriptor.path
      let method = Method(
        index: names.count, handler: handler, isSideEffectFree: sideEffectFree.contains(path))
      let entry = Entry(path: Array(path.utf8), method: method)
      names.append(String(path.dropFirst()))
      let hash = entry.path.withBytes { $0.quickHash() }
      buckets[Int(truncatingIfNeeded: hash) & mask].append(entry)
    }
    self.buckets = buckets
    admission = router.admission
    hasAdmission = router.admission != nil
    self.names = names
  }

  /// The method of exactly this path.
  func method(for path: RawSpan) -> Method? {
    for entry in buckets[Int(truncatingIfNeeded: path.quickHash()) & mask]
    where path.equals(entry.path) {
      return entry.method
    }
    return nil
  }
}
