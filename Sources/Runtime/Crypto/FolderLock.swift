internal import Glibc

/// A lock on a folder that one process holds at a time, by flock(2) on a file in it.
///
/// The kernel lets it go when the process ends, however it ends. The value owns the descriptor.
package final class FolderLock: Sendable {
  private let descriptor: Int32

  /// Takes the lock or throws at once: `.exists` when another process has it.
  package init(folder: String) throws(ProtectedFile.Failure) {
    let path = folder + "/lock"
    let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw .system(operation: "open", errno: errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let reason = errno
      _ = close(descriptor)
      throw reason == EWOULDBLOCK ? .exists : .system(operation: "flock", errno: reason)
    }
    self.descriptor = descriptor
  }

  deinit { _ = close(descriptor) }
}
