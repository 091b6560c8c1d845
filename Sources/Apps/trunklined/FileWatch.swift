internal import EventLoops

/// Reads a small file, and again when it changes, while the server serves. Use it on its loop only.
///
/// It asks for the file's state every ``interval``, which sees every way to change it, as
/// Kubernetes' swap of a link above it. It lives until the loop ends.
final class FileWatch {
  /// How long after a change the old content may still be used, at most.
  static let interval = Duration.seconds(2)

  private let path: String
  private let read: @Sendable (String) -> [UInt8]?
  private let loop: EventLoop
  private let report: ([UInt8]?) -> Void
  private var signature: FileSignature?

  /// `report` gets the content after each change, on the loop; nil when it can't be read or is too
  /// long. `signature` was taken before the content that is in use was read.
  convenience init(
    path: String, byteCountMax: Int, since signature: FileSignature?, loop: EventLoop,
    report: @escaping ([UInt8]?) -> Void
  ) {
    self.init(
      path: path, since: signature, loop: loop,
      read: { Self.read($0, byteCountMax: byteCountMax) }, report: report)
  }

  /// `changed` reads the file after each change, on a thread that may block.
  convenience init(
    path: String, since signature: FileSignature?, loop: EventLoop,
    changed: @escaping @Sendable (String) -> Void
  ) {
    self.init(
      path: path, since: signature, loop: loop,
      read: { path in
        changed(path)
        return nil
      }, report: { _ in })
  }

  private init(
    path: String, since signature: FileSignature?, loop: EventLoop,
    read: @escaping @Sendable (String) -> [UInt8]?, report: @escaping ([UInt8]?) -> Void
  ) {
    self.path = path
    self.read = read
    self.loop = loop
    self.report = report
    self.signature = signature
    schedule()
  }

  /// The file's content now; nil when it can't be read or is too long. Blocks.
  static func read(_ path: String, byteCountMax: Int) -> [UInt8]? {
    SmallFile.read(path: path, byteCountMax: byteCountMax).flatMap {
      $0.count <= byteCountMax ? $0 : nil
    }
  }

  private func schedule() {
    _ = loop.schedule(after: Self.interval) { self.look() }
  }

  private struct Found: Sendable {
    let signature: FileSignature?
    let content: [UInt8]?
  }

  private func look() {
    let (path, read, known) = (path, read, signature)
    loop.offload(
      { () -> Found? in
        let now = FileSignature(path: path)
        guard now != known else { return nil }
        return Found(signature: now, content: read(path))
      },
      { found in
        if let found {
          self.signature = found.signature
          self.report(found.content)
        }
        self.schedule()
      })
  }
}
