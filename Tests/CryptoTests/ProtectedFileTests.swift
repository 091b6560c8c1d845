import Glibc
import Testing

@testable import Crypto

/// A folder that is gone with the value.
private final class TemporaryFolder {
  let path: String

  init() {
    var template = Array("/tmp/trunkline-crypto-XXXXXX".utf8CString)
    path = unsafe mkdtemp(&template).map { unsafe String(cString: $0) } ?? ""
    precondition(!path.isEmpty, "mkdtemp failed")
  }

  deinit {
    unsafe _ = unlink(path + "/file")
    unsafe _ = unlink(path + "/lock")
    unsafe _ = rmdir(path)
  }
}

struct ProtectedFileTests {
  private let folder = TemporaryFolder()
  private var path: String { folder.path + "/file" }

  @Test func createdFileIsItsOwnersOnly() throws {
    #expect(throws: ProtectedFile.Failure.notFound) { try ProtectedFile.read(path, limit: 10) }
    try ProtectedFile.create(path, [1, 2, 3])
    var status = stat()
    #expect(unsafe stat(path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
    #expect(try ProtectedFile.read(path, limit: 3) == [1, 2, 3])
    #expect(throws: ProtectedFile.Failure.tooLarge(limit: 2)) {
      try ProtectedFile.read(path, limit: 2)
    }
  }

  @Test func createNeverOverwritesAndReplaceDoes() throws {
    try ProtectedFile.create(path, [1])
    #expect(throws: ProtectedFile.Failure.exists) { try ProtectedFile.create(path, [2]) }
    #expect(try ProtectedFile.read(path, limit: 10) == [1])
    try ProtectedFile.replace(path, [3])
    #expect(try ProtectedFile.read(path, limit: 10) == [3])
  }

  @Test func ofTwoPendingFilesTheOneThatIsKeptStays() throws {
    let kept = try PendingFile([1], for: path, name: "a")
    let other = try PendingFile([2], for: path, name: "b")
    #expect(throws: ProtectedFile.Failure.notFound) { try ProtectedFile.read(path, limit: 10) }
    #expect(try ProtectedFile.read(kept.path, limit: 10) == [1])
    try kept.keep()
    other.discard()
    #expect(try ProtectedFile.read(path, limit: 10) == [1])
    for gone in [kept.path, other.path] {
      #expect(throws: ProtectedFile.Failure.notFound) { try ProtectedFile.read(gone, limit: 10) }
    }
    let late = try PendingFile([3], for: path, name: "a")
    // Another process finds it, and both give it its place.
    #expect(PendingFile(leftFor: path, name: "b") == nil)
    let found = try #require(PendingFile(leftFor: path, name: "a"))
    try found.keep()
    try late.keep()
    #expect(try ProtectedFile.read(path, limit: 10) == [3])
  }

  @Test func exposedFileIsRefused() throws {
    try ProtectedFile.create(path, [1])
    #expect(unsafe chmod(path, 0o604) == 0)
    #expect(throws: ProtectedFile.Failure.exposed(mode: 0o604)) {
      try ProtectedFile.read(path, limit: 10)
    }
  }

  @Test func folderIsLockedByOneAtATime() throws {
    let first = try FolderLock(folder: folder.path)
    #expect(throws: ProtectedFile.Failure.exists) { try FolderLock(folder: folder.path) }
    withExtendedLifetime(first) {}
  }

  @Test func lockIsFreeAgainWhenItsOwnerIsGone() throws {
    do { _ = try FolderLock(folder: folder.path) }
    _ = try FolderLock(folder: folder.path)
  }
}
