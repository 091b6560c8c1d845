internal import Access
internal import Telephony

/// Uses of tokens on their way to whoever writes them down.
///
/// Bounded: of more than wait, the oldest are dropped, and a minute later the next use is told.
struct TokenUses: Sendable {
  private let uses: AsyncStream<(TokenGrant, Timestamp)>
  private let continuation: AsyncStream<(TokenGrant, Timestamp)>.Continuation

  /// Uses that wait to be written down.
  private static let waitingMax = 1024

  init() {
    (uses, continuation) = AsyncStream.makeStream(
      bufferingPolicy: .bufferingNewest(Self.waitingMax))
  }

  /// Called on a call's loop: it doesn't wait.
  func note(_ grant: TokenGrant, _ time: Timestamp) { continuation.yield((grant, time)) }

  /// Hands on each use until its task is cancelled. One at a time.
  func follow(_ body: (TokenGrant, Timestamp) async -> Void) async {
    for await (grant, time) in uses { await body(grant, time) }
  }
}
