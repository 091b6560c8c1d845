/// Bytes that no log, error, metric or read may hold.
///
/// Printing, dumping or interpolating it gives a fixed text; only `revealed` gives the bytes.
package struct Secret: Sendable {
  /// The bytes themselves. Hand them to the carrier or the sealer and nowhere else.
  package let revealed: [UInt8]

  package init(_ bytes: [UInt8]) {
    self.revealed = bytes
  }

  package init(_ text: String) {
    self.revealed = Array(text.utf8)
  }

  package var isEmpty: Bool { revealed.isEmpty }
}

extension Secret: Equatable {
  /// Looks at every byte, whatever the first difference.
  package static func == (left: Secret, right: Secret) -> Bool {
    guard left.revealed.count == right.revealed.count else { return false }
    var difference: UInt8 = 0
    for (one, other) in zip(left.revealed, right.revealed) { difference |= one ^ other }
    return difference == 0
  }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "<secret>" }
  package var debugDescription: String { "<secret>" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}
