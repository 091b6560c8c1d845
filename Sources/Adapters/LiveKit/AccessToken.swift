internal import Buffers
internal import Crypto
internal import Protobuf
internal import Registry
internal import Telephony

/// The token that a request authenticates with: a JWT (RFC 7519) with HS256. Pure.
///
/// Source: livekit/protocol, `auth/accesstoken.go` and `auth/grants.go`.
enum AccessToken {
  /// What a token allows.
  enum Grant: Sendable, Hashable {
    /// Trunks and dispatch rules.
    case sipAdmin

    /// As the member of the claims.
    fileprivate var claim: String {
      switch self {
      case .sipAdmin: "\"sip\":{\"admin\":true}"
      }
    }
  }

  /// From its making on. The server forgives a clock that differs by a minute.
  static let lifetime: Duration = .seconds(60)

  static func make(_ grant: Grant, _ access: GatewayAccess, now: Timestamp) -> String {
    let start = now.milliseconds / 1000
    let end = now.advanced(by: lifetime).milliseconds / 1000
    let header = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
    let claims =
      "{\"iss\":\(quoted(access.apiKey)),\"nbf\":\(start),\"exp\":\(end),\(grant.claim)}"
    let signed = [header, claims].map { Base64.encode(Array($0.utf8), .urlSafe) }
      .joined(separator: ".")
    let code = HMAC.code(
      .sha256, key: access.apiSecret.revealed, message: Array(signed.utf8))
    return signed + "." + Base64.encode(code, .urlSafe)
  }

  private static func quoted(_ text: String) -> String {
    var writer = JSONWriter(options: .defaults)
    writer.string(text)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}
