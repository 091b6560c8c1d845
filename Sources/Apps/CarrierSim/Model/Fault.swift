internal import Telephony

/// Something that goes wrong with requests, on demand.
struct Fault: Sendable, Hashable {
  enum Kind: String, Sendable, CaseIterable {
    case delay, status
    case lostBefore = "lost_before"
    case lostAfter = "lost_after"
    case malformed
  }

  let id: Int
  var kind: Kind
  var region: Region?
  var method: String?
  var path = "*"
  var to: String?
  /// Matching requests that still pass unharmed.
  var skip = 0
  /// Requests still to be hit; nil for all.
  var count: Int? = 1
  var probability = 1.0
  var delay: Duration = .zero
  var status = 500
  var code: Int?
  var retryAfter: Int?
  /// Whether the request is carried out.
  var effect = false
  /// How many were hit.
  var fired = 0

  func matches(door: Door, method: String, path: String, to: String?) -> Bool {
    guard count != 0, region.map({ .region($0) == door }) ?? true,
      self.method == nil || self.method == method, self.to == nil || self.to == to
    else { return false }
    return Wildcard.matches(path, pattern: self.path)
  }
}

/// Where a request came in.
enum Door: Sendable, Hashable {
  case region(Region)
  case livekit
}

/// Patterns in which `*` stands for any text.
enum Wildcard {
  static func matches(_ text: String, pattern: String) -> Bool {
    let text = Array(text.utf8)
    let pattern = Array(pattern.utf8)
    var position = 0
    var patternPosition = 0
    // Where to go on when a text after the last star did not fit.
    var retry: (text: Int, pattern: Int)?
    while position < text.count {
      if patternPosition < pattern.count, pattern[patternPosition] == UInt8(ascii: "*") {
        patternPosition += 1
        retry = (position, patternPosition)
      } else if patternPosition < pattern.count, pattern[patternPosition] == text[position] {
        position += 1
        patternPosition += 1
      } else if let last = retry {
        position = last.text + 1
        patternPosition = last.pattern
        retry = (position, patternPosition)
      } else {
        return false
      }
    }
    return pattern[patternPosition...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
