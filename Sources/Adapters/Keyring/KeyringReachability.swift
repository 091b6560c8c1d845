internal import Buffers
package import CallDispatch
internal import Crypto

/// Proves that a webhook listener has the keyring's webhook key: HMAC-SHA-256 under a key that is
/// made from it for this use alone, so that what is proved to a stranger is good for nothing else.
package struct KeyringReachability: Sendable {
  private let keyring: LiveKeyring

  private static let info = Array("trunkline reachability".utf8)

  package init(_ keyring: LiveKeyring) { self.keyring = keyring }

  /// The answer to a challenge, two proofs under the current key: of the keyring, and of the public
  /// URL that this process has for the challenge's region; nil: it has none.
  package func answer(
    to challenge: ReachabilityChallenge, publicURL: String?
  ) -> ReachabilityAnswer {
    let key = keys[0]
    return ReachabilityAnswer(
      ofKeyring: Self.proof(key, challenge, ""),
      ofURL: Self.proof(key, challenge, publicURL ?? ""))
  }

  /// Whether the answer is of a process with our keyring, and of one with this public URL. Any of
  /// the keyring's webhook keys will do: the other process may have the next one already.
  package func judge(
    _ answer: ReachabilityAnswer, to challenge: ReachabilityChallenge, publicURL: String
  ) -> (isOurs: Bool, hasSameURL: Bool) {
    var judged = (isOurs: false, hasSameURL: false)
    for key in keys
    where constantTimeEquals(
      Array(answer.ofKeyring.utf8), Array(Self.proof(key, challenge, "").utf8))
    {
      judged.isOurs = true
      judged.hasSameURL = constantTimeEquals(
        Array(answer.ofURL.utf8), Array(Self.proof(key, challenge, publicURL).utf8))
    }
    return judged
  }

  /// The current key first.
  private var keys: [LockedBytes] {
    let keys = keyring.present.keys.filter { $0.purpose == .webhook }
    precondition(!keys.isEmpty, "a keyring without a webhook key was read")
    return keys.map { HMAC.derivedKey(from: $0.bytes, info: Self.info) }
  }

  private static func proof(
    _ key: LockedBytes, _ challenge: ReachabilityChallenge, _ publicURL: String
  ) -> String {
    Hex.encode(HMAC.code(key: key, message: Array("\(challenge.path) \(publicURL)".utf8)))
  }
}
