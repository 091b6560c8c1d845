import EventLoops
import Foundation
import Synchronization
import TLS
import TestKit
import Testing

@testable import GRPCTransport

@Suite struct CertificateReloadStateMachineTests {
  @Test func changedFilesAreJudgedOnce() throws {
    let folder = try CertificateFolder()
    defer { folder.remove() }
    let first = folder.files.signature
    var reload = CertificateReloadStateMachine(first)
    #expect(!reload.mustLoad(first))
    let second: CertificateReloadStateMachine.Signature = [nil, first[1]]
    #expect(reload.mustLoad(second))
    // Changed while they were read: nobody judges that.
    #expect(reload.loaded(before: second, after: first, isUsable: false) == .keep)
    #expect(reload.mustLoad(second))
    #expect(reload.loaded(before: second, after: second, isUsable: false) == .keepAndReport)
    #expect(!reload.mustLoad(second))
    #expect(reload.mustLoad(first))
    #expect(reload.loaded(before: first, after: first, isUsable: true) == .install)
    #expect(!reload.mustLoad(first))
  }
}

/// A folder like a mounted Kubernetes Secret: the files are links through `..data`, which is a link
/// to a folder that is never changed.
private struct CertificateFolder {
  let authority = TestAuthority()
  let root: String
  let files: TLSFiles

  init() throws {
    root = FileManager.default.temporaryDirectory.path + "/trunkline-\(UUID().uuidString)"
    files = TLSFiles(certificate: root + "/tls.crt", key: root + "/tls.key")
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    try swap(to: authority.issue(.server))
    for name in ["tls.crt", "tls.key"] {
      try FileManager.default.createSymbolicLink(
        atPath: root + "/" + name, withDestinationPath: "..data/" + name)
    }
  }

  /// Puts a new folder behind `..data` in one step.
  func swap(to issued: TestAuthority.Issued) throws {
    let name = "..\(UUID().uuidString)"
    try FileManager.default.createDirectory(
      atPath: root + "/" + name, withIntermediateDirectories: false)
    try Data(issued.certificate).write(to: URL(filePath: "\(root)/\(name)/tls.crt"))
    try Data(issued.key).write(to: URL(filePath: "\(root)/\(name)/tls.key"))
    try FileManager.default.createSymbolicLink(
      atPath: root + "/..new", withDestinationPath: name)
    guard unsafe rename(root + "/..new", root + "/..data") == 0 else {
      throw CocoaError(.fileWriteUnknown)
    }
  }

  func remove() { try? FileManager.default.removeItem(atPath: root) }
}

/// Hands over one outcome after another.
private final class Outcomes: Sendable {
  private let stream: AsyncStream<CertificateWatch.Outcome>
  private let continuation: AsyncStream<CertificateWatch.Outcome>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream() }

  func put(_ outcome: CertificateWatch.Outcome) { continuation.yield(outcome) }

  func next() async -> CertificateWatch.Outcome? {
    var iterator = stream.makeAsyncIterator()
    return await iterator.next()
  }
}

@Suite(.timeLimit(.minutes(1))) struct CertificateWatchTests {
  @Test func swappedFilesAreUsedAndBrokenOnesAreNot() async throws {
    let folder = try CertificateFolder()
    defer { folder.remove() }
    let source = try TLSContextSource(folder.files)
    let first = source.current
    let loop = EventLoop(name: "watch")
    let outcomes = Outcomes()
    loop.execute {
      _ = CertificateWatch(folder.files, source, loop: loop, interval: .milliseconds(5)) {
        outcomes.put($0)
      }
    }
    // A pair that does not fit, one whose time is over, and one that is well.
    let other = folder.authority.issue(.server)
    try folder.swap(to: .init(certificate: other.certificate, key: other.certificate))
    #expect(await outcomes.next().failure?.contains("no private key") == true)
    try folder.swap(
      to: .init(certificate: other.certificate, key: folder.authority.issue(.server).key))
    #expect(await outcomes.next().failure?.contains("does not belong") == true)
    var old = TestAuthority.Request.server
    old.notBefore = -7200
    old.notAfter = -3600
    try folder.swap(to: folder.authority.issue(old))
    #expect(await outcomes.next().failure?.contains("has expired") == true)
    #expect(source.current === first)
    var later = TestAuthority.Request.server
    later.notAfter = 7200
    try folder.swap(to: folder.authority.issue(later))
    guard case .reloaded(let expiry) = await outcomes.next() else {
      Issue.record("not reloaded")
      return loop.stop()
    }
    #expect(source.current !== first)
    #expect(expiry == source.current.certificateExpiry)
    #expect(try #require(expiry) > (try #require(first.certificateExpiry)))
    folder.remove()
    #expect(await outcomes.next().failure?.contains("can't be read") == true)
    #expect(source.current !== first)
    loop.stop()
  }
}

extension CertificateWatch.Outcome? {
  fileprivate var failure: String? {
    if case .failed(let error) = self { error.description } else { nil }
  }
}
