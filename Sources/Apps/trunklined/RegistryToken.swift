internal import Access
internal import EventLoops
internal import Synchronization
internal import Telemetry

/// The token that a dispatch of its own shows its registry, from a file that may change.
final class RegistryToken: Sendable {
  private let text = Mutex<String?>(nil)
  private let path: String
  private let signature: FileSignature?
  private let log: Logger
  /// Bytes of the file.
  private static let sizeMax = 4096

  init(path: String, log: Logger) throws(ServeError) {
    self.path = path
    self.log = log
    signature = FileSignature(path: path)
    guard use(FileWatch.read(path, byteCountMax: Self.sizeMax)) else {
      throw .registryToken(path: path)
    }
  }

  /// The token now.
  var present: String? { text.withLock { $0 } }

  /// False when what the file holds is no token; the one before stays.
  private func use(_ content: [UInt8]?) -> Bool {
    guard let content, let line = String(validating: content, as: UTF8.self) else { return false }
    let token = line.filter { !$0.isWhitespace }
    guard (try? TokenText(parsing: token)) != nil else { return false }
    text.withLock { $0 = token }
    return true
  }

  /// Reads the file anew when it changes. Call it on `loop`.
  func watch(on loop: EventLoop) {
    _ = FileWatch(path: path, byteCountMax: Self.sizeMax, since: signature, loop: loop) { content in
      if self.use(content) {
        self.log.info("the registry's token was reloaded")
      } else {
        self.log.error("the registry's token file holds no token; the one before stays")
      }
    }
  }
}
