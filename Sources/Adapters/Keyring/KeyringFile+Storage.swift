internal import Crypto

// Where a keyring lies. The calls block; use them at start-up, on an executor of their own, or in a
// program that serves nobody.

extension KeyringFile {
  /// What the file is called in a folder that a keyring is mounted into.
  package static let nameInFolder = "keyring"

  /// Reads the file at `path`, or makes one with fresh keys and mode 0600 where there is none.
  ///
  /// Of two processes that start at once, one makes it and both read it.
  package static func load(orCreateAt path: String) throws(Failure) -> KeyringFile {
    do throws(Failure) {
      return try load(path)
    } catch .file(.notFound) {
      let fresh = try generate()
      do throws(ProtectedFile.Failure) {
        try fresh.withText { (text) throws(ProtectedFile.Failure) in
          try ProtectedFile.create(path, text)
        }
      } catch .exists {
        return try load(path)
      } catch {
        throw .file(error)
      }
      return fresh
    }
  }

  /// Reads the file at `path`; of a folder, the file `keyring` in it.
  package static func load(_ path: String) throws(Failure) -> KeyringFile {
    try KeyringFile(parsing: try text(of: path))
  }

  private static func text(of path: String) throws(Failure) -> LockedBytes {
    do throws(ProtectedFile.Failure) {
      do throws(ProtectedFile.Failure) {
        return try ProtectedFile.readLocked(path, limit: sizeMax)
      } catch .folder {
        return try ProtectedFile.readLocked(path + "/" + nameInFolder, limit: sizeMax)
      }
    } catch {
      throw .file(error)
    }
  }

  /// Replaces the file at `path`: after a crash it holds the old keys or the new ones.
  package func save(to path: String) throws(Failure) {
    do throws(ProtectedFile.Failure) {
      try withText { (text) throws(ProtectedFile.Failure) in
        try ProtectedFile.replace(path, text)
      }
    } catch {
      throw .file(error)
    }
  }
}
