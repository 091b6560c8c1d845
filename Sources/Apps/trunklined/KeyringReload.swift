internal import Crypto
internal import EventLoops
internal import Keyring
internal import Registry
internal import Telemetry

/// Loads the keyring anew when its file changes, while the process serves.
///
/// One that is broken, or lacks a key that stored secrets need, is not used: the one before stays.
final class KeyringReload: Sendable {
  private typealias Read = Result<KeyringFile, KeyringFile.Failure>

  private let place: KeyringPlace
  private let keyring: LiveKeyring
  private let log: Logger
  /// Of the file that `keyring` was read from.
  private let signature: FileSignature?
  private let changes: AsyncStream<Read>
  private let changed: AsyncStream<Read>.Continuation

  /// `signature` was taken before `keyring` was read from `place`.
  init(_ place: KeyringPlace, _ keyring: LiveKeyring, since signature: FileSignature?, log: Logger)
  {
    self.place = place
    self.keyring = keyring
    self.signature = signature
    self.log = log
    (changes, changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Looks after the file. Call it on `loop`.
  func watch(on loop: EventLoop) {
    guard let file = place.file else { return }
    let (place, changed) = (place, changed)
    _ = FileWatch(path: file, since: signature, loop: loop) { _ in
      do throws(KeyringFile.Failure) {
        changed.yield(.success(try place.load()))
      } catch {
        changed.yield(.failure(error))
      }
    }
  }

  /// Takes what the file holds, until its task is cancelled.
  ///
  /// - Parameters:
  ///   - problems: what would not open with this sealer; nil when that can't be found out.
  ///   - isUsed: called after a keyring was taken.
  func run(
    problems: (KeyringSealer) async -> [SealCheck.Problem]?, isUsed: () async -> Void
  ) async {
    for await read in changes {
      switch read {
      case .success(let next):
        if await use(next, problems) { await isUsed() }
      case .failure(let failure): refused("\(failure)")
      }
    }
  }

  private func use(
    _ next: KeyringFile, _ problems: (KeyringSealer) async -> [SealCheck.Problem]?
  ) async -> Bool {
    let kept = Set(next.names.map(\.name))
    if keyring.present.names.contains(where: { !kept.contains($0.name) }) {
      guard let found = await problems(KeyringSealer(next)) else {
        refused("it lacks a key, and whether that is needed can't be found out now")
        return false
      }
      guard found.isEmpty else {
        refused(found.map(\.description).joined(separator: " "))
        return false
      }
    }
    do throws(KeyringFile.Failure) {
      try keyring.use(next)
    } catch {
      refused("\(error)")
      return false
    }
    let current = next.names.first { $0.purpose == .seal && $0.isCurrent }?.name ?? ""
    log.info(
      "the keyring was reloaded",
      ["current": .text(current), "keys": .integer(Int64(next.names.count))])
    return true
  }

  private func refused(_ reason: String) {
    log.error(
      "the keyring changed and can't be used; the one before stays",
      ["keyring": .text("\(place)"), "error": .text(reason)])
  }
}

extension SealCheck.Problem: CustomStringConvertible {
  /// A sentence with the key and how many rows need it.
  package var description: String {
    switch self {
    case .missing(let key, let count):
      "The secrets of \(Self.rows(count)) are sealed under the key '\(key)', which is not in it."
    case .wrong(let key, let count):
      "The secrets of \(Self.rows(count)) are sealed under a key '\(key)' that is another than its "
        + "own of this name."
    }
  }

  private static func rows(_ count: Int) -> String {
    count == 1 ? "1 provider or agent" : "\(count) providers and agents"
  }
}
