internal import Buffers
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
      guard let value = FormEncoding.decode(parts.count == 2 ? parts[1] : parts[0].prefix(0)) else {
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
    guard let bytes = Base64.decode(digits, .either) else {
      throw RPCError(.invalidArgument, "The query's message is not base64.")
    }
    message = bytes
  }
}
