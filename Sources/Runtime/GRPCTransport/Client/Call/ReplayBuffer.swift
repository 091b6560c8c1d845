/// The requests of a call that may have to be sent again: on another connection, or in another
/// attempt (gRFC A6). It shares the callers' arrays; nothing is copied.
struct ReplayBuffer {
  /// How many bytes it keeps. A call with more is not sent again.
  let byteCountMax: Int
  private(set) var byteCount = 0
  /// The first message stands alone: a unary call needs no array.
  private var first: OutgoingMessage?
  private var others: [OutgoingMessage] = []
  /// Whether everything that was written is still here.
  private(set) var isComplete = true

  init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

  /// Keeps `message`, also beyond the bound: ``enforceBound()`` follows once it is on its way.
  mutating func append(_ message: OutgoingMessage) {
    guard isComplete else { return }
    byteCount += message.bytes.count
    if first == nil { first = message } else { others.append(message) }
  }

  /// Beyond the bound everything is dropped: the call is committed to its attempt.
  mutating func enforceBound() {
    if byteCount > byteCountMax { drop() }
  }

  /// Forgets everything: the call is committed to its attempt.
  mutating func drop() {
    isComplete = false
    first = nil
    others = []
  }

  /// What was written, in its order.
  func visit(_ body: (OutgoingMessage) -> Void) {
    if let first { body(first) }
    for message in others { body(message) }
  }
}

/// A request on its way.
struct OutgoingMessage {
  let bytes: [UInt8]
  /// Whether it is to be compressed if the call has an encoding; `nil` where that makes it smaller.
  var compress: Bool?
}
