internal import GRPC

/// The request of a call by GET (Connect, Unary-Get-Request): the query of its path.
struct ConnectQuery: Hashable, Sendable {
  private(set) var message: [UInt8]?
  private(set) var encoding: String?
  private(set) var compression: String?
  private(set) var version: String?

  /// Parameters come in any order; others are passed over. Throws when the message is not what
  /// the query says it is.
  init(_ query: String) throws(RPCError) {
    var isBase64 = false
    for parameter in query.utf8.split(separator: UInt8(ascii: "&")) {
      let parts = parameter.split(
        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      guard let value = Self.decode(parts.count == 2 ? parts[1] : parts[0].prefix(0)) else {
        throw RPCError(.invalidArgument, "The query has a percent sign without two hex digits.")
      }
      let text = String(decoding: value, as: UTF8.self)
      switch String(parts[0]) {
      case "message": message = value
      case "encoding": encoding = text
      case "compression": compression = text
      case "connect": version = text
      case "base64": isBase64 = text == "1"
      default: break
      }
    }
    guard isBase64, let digits = message else { return }
    let standard = digits.map { digit in
      switch digit {
      case UInt8(ascii: "-"): UInt8(ascii: "+")
      case UInt8(ascii: "_"): UInt8(ascii: "/")
      default: digit
      }
    }
    guard let bytes = Base64.decode(standard) else {
      throw RPCError(.invalidArgument, "The query's message is not base64.")
    }
    message = bytes
  }

  /// Percent-decodes a value, in which "+" is a space; `nil` if a percent sign has no two digits.
  private static func decode(_ encoded: Substring.UTF8View) -> [UInt8]? {
    var bytes: [UInt8] = []
    var rest = encoded[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
      case UInt8(ascii: "%"):
        guard let digits = String(rest.prefix(2)), digits.utf8.count == 2,
          digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
          let value = UInt8(digits, radix: 16)
        else { return nil }
        bytes.append(value)
        rest = rest.dropFirst(2)
      default: bytes.append(byte)
      }
    }
    return bytes
  }
}
