/// Bounds the handshakes of an open session: key updates, tickets, and attempts to renegotiate.
/// Each costs us more than it costs the peer, and OpenSSL counts none of them.
struct HandshakeStepGuard {
  /// How many steps an open session may take, whatever else it brings. A key update that asks for
  /// ours takes five steps, a ticket one.
  static let freeStepCountMax = 256
  /// How much plaintext earns ten more; those who change their keys do so every 16 MiB or later.
  static let byteCountPerTenSteps = 1 << 20

  private var stepCount = 0
  private var byteCount = 0

  mutating func stepped() { stepCount += 1 }

  mutating func received(byteCount count: Int) { byteCount += count }

  var isExceeded: Bool {
    stepCount > Self.freeStepCountMax + 10 * (byteCount / Self.byteCountPerTenSteps)
  }
}
