internal import Glibc

/// What tells one state of a file from another without reading it: another file at its path, as
/// after a rename of a link in between, another size or another time of change.
package struct FileSignature: Hashable, Sendable {
  private let device: UInt64
  private let number: UInt64
  private let size: Int64
  private let changedSeconds: Int64
  private let changedNanoseconds: Int64

  /// Reads it, following links; `nil` when there is no file or it can't be reached. Blocks: not for
  /// a loop's thread.
  package init?(path: String) {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    device = UInt64(status.st_dev)
    number = UInt64(status.st_ino)
    size = Int64(status.st_size)
    changedSeconds = Int64(status.st_mtim.tv_sec)
    changedNanoseconds = Int64(status.st_mtim.tv_nsec)
  }
}
