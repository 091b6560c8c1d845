internal import Synchronization

/// The keyring that a process uses now: it may be replaced while the process serves.
package final class LiveKeyring: Sendable {
  private let file: Mutex<KeyringFile>

  package init(_ file: KeyringFile) { self.file = Mutex(file) }

  package var present: KeyringFile { file.withLock { $0 } }

  /// Takes `next` in place of the present one. Refuses one in which a known name stands for other
  /// bytes, or whose fingerprint key is another: what was made with them would be lost.
  package func use(_ next: KeyringFile) throws(KeyringFile.Failure) {
    try check(next)
    file.withLock { $0 = next }
  }

  /// Refuses what ``use(_:)`` would.
  package func check(_ next: KeyringFile) throws(KeyringFile.Failure) {
    let known = present
    for key in next.keys {
      guard let same = known.keys.first(where: { $0.name == key.name }) else { continue }
      guard same == key else { throw .changedKey(key.name) }
    }
    guard next.current(.fingerprint) == known.current(.fingerprint) else {
      throw .changedKey(known.current(.fingerprint)?.name ?? "fingerprint")
    }
  }
}
