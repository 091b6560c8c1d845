internal import Glibc

/// A protected file under a name of its own, which gets its place when it is known to count.
///
/// Of several processes that write to one place each has its own until then, and none takes away
/// another's.
package struct PendingFile: Sendable, Hashable {
  /// Where it is now.
  package let path: String
  private let place: String

  /// Makes the file beside its place, with mode 0600. It is on the disk when this returns.
  ///
  /// - Parameter name: what no other process has, added to the name of `place`.
  package init(
    _ bytes: [UInt8], for place: String, name: String
  ) throws(ProtectedFile.Failure) {
    self.place = place
    path = "\(place).\(name)"
    try ProtectedFile.create(path, bytes)
  }

  /// The file that another process made and did not give its place, or not yet; nil when there is
  /// none.
  package init?(leftFor place: String, name: String) {
    self.place = place
    path = "\(place).\(name)"
    guard unsafe access(path, F_OK) == 0 else { return nil }
  }

  /// Gives the file its place; whatever was there goes. Durable when this returns. When another
  /// process was faster with the same file, that is fine.
  package func keep() throws(ProtectedFile.Failure) {
    guard unsafe rename(path, place) == 0 || errno == ENOENT else {
      throw .system(operation: "rename", errno: errno)
    }
    try ProtectedFile.synchronizeFolder(of: place)
  }

  /// Takes the file away; its place stays as it is.
  package func discard() { unsafe _ = unlink(path) }
}
