internal import COpenSSL
internal import Synchronization

/// What a client can resume a session with. Owns a reference to the `SSL_SESSION`.
@safe final class ResumableSession: @unchecked Sendable {
  // @unchecked: OpenSSL counts references atomically, and a session is not changed once made.
  let handle: OpaquePointer

  init(takingOwnershipOf handle: OpaquePointer) { unsafe self.handle = handle }

  deinit { unsafe SSL_SESSION_free(handle) }
}

/// A client's sessions that can be resumed, the newest for each name last. Each is used once: TLS
/// 1.3 tickets that are used again can be linked by who listens (RFC 8446, appendix C.4).
final class ResumableSessions: Sendable {
  /// How many are kept; the oldest goes.
  static let countMax = 16

  private let sessions = Mutex<[(name: String, session: ResumableSession)]>([])

  func put(_ session: ResumableSession, for name: String) {
    sessions.withLock { sessions in
      if sessions.count == Self.countMax { sessions.removeFirst() }
      sessions.append((name, session))
    }
  }

  /// Takes the newest for `name` out.
  func take(for name: String) -> ResumableSession? {
    sessions.withLock { sessions in
      guard let index = sessions.lastIndex(where: { $0.name == name }) else { return nil }
      return sessions.remove(at: index).session
    }
  }
}
