internal import Telephony

/// A request's method and fields as bytes, to tell whether a request id came with the same request
/// again. Holds secrets: only its fingerprint is kept.
struct RequestBody {
  private(set) var bytes: [UInt8] = []

  init(_ method: String) { add(method) }

  mutating func add(_ text: String) {
    bytes += PageToken.bytes(of: UInt64(text.utf8.count))
    bytes += text.utf8
  }

  mutating func add(_ flag: Bool) { bytes.append(flag ? 1 : 0) }

  /// Another request that this one holds.
  mutating func add(_ body: RequestBody) {
    bytes += PageToken.bytes(of: UInt64(body.bytes.count))
    bytes += body.bytes
  }

  mutating func add(_ secret: Secret?) {
    add(secret != nil)
    guard let secret else { return }
    bytes += PageToken.bytes(of: UInt64(secret.revealed.count))
    bytes += secret.revealed
  }

  mutating func add(_ labels: [String: String]) {
    bytes += PageToken.bytes(of: UInt64(labels.count))
    for (key, value) in labels.sorted(by: { $0.key < $1.key }) {
      add(key)
      add(value)
    }
  }
}
