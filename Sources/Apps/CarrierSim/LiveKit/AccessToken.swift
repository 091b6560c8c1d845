internal import Buffers
internal import Crypto
internal import Telephony

/// What a token allows: the members of its `video` and `sip` that are looked at.
struct LiveKitGrants: Sendable, Hashable {
  var roomCreate = false
  var roomList = false
  var roomAdmin = false
  var room = ""
  var destinationRoom = ""
  var sipAdmin = false
  var sipCall = false

  // MARK: Checks

  func requireSIPAdmin() throws(TwirpError) { try require(sipAdmin, "sip.admin") }
  func requireSIPCall() throws(TwirpError) { try require(sipCall, "sip.call") }
  func requireRoomCreate() throws(TwirpError) { try require(roomCreate, "video.roomCreate") }
  func requireRoomList() throws(TwirpError) { try require(roomList, "video.roomList") }

  func requireAdmin(of room: String) throws(TwirpError) {
    try require(roomAdmin, "video.roomAdmin")
    try require(self.room == room, "video.room \(room)")
  }

  func requireDestination(_ room: String) throws(TwirpError) {
    try require(destinationRoom == room, "video.destinationRoom \(room)")
  }

  private func require(_ isGranted: Bool, _ name: String) throws(TwirpError) {
    guard isGranted else {
      throw TwirpError(.permissionDenied, "permissions denied: \(name) is not granted")
    }
  }
}

/// A JWT (RFC 7519) with HS256, as LiveKit's clients sign it.
enum AccessToken {
  /// Clocks may differ by so much.
  static let clockSkewMax: Duration = .seconds(60)

  /// `authorization` is the header's value. `now` is the wall's time, for tokens are of the world
  /// outside.
  static func check(
    _ authorization: String?, keys: [String: String], now: Timestamp
  ) throws(TwirpError) -> LiveKitGrants {
    guard let authorization, authorization.lowercased().hasPrefix("bearer ") else {
      throw TwirpError(.unauthenticated, "a bearer token is needed")
    }
    let parts = authorization.dropFirst(7).split(
      separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let header = json(parts[0]), let claims = json(parts[1]),
      let signature = Base64.decode(parts[2].utf8, .exact)
    else { throw TwirpError(.unauthenticated, "the token is not a JWT") }
    guard header["alg"]?.string == "HS256" else {
      throw TwirpError(.unauthenticated, "the token is not signed with HS256")
    }
    guard let issuer = claims["iss"]?.string, let secret = keys[issuer] else {
      throw TwirpError(.unauthenticated, "the token's API key is not known")
    }
    let expected = HMAC.code(
      .sha256, key: Array(secret.utf8), message: Array("\(parts[0]).\(parts[1])".utf8))
    guard constantTimeEquals(signature, expected) else {
      throw TwirpError(.unauthenticated, "the token's signature is wrong")
    }
    guard let expiry = time(claims["exp"]),
      now < expiry.advanced(by: clockSkewMax)
    else { throw TwirpError(.unauthenticated, "the token has expired") }
    if let start = time(claims["nbf"]), now.advanced(by: clockSkewMax) < start {
      throw TwirpError(.unauthenticated, "the token is not valid yet")
    }
    return grants(claims)
  }

  private static func json(_ part: Substring) -> JSON? {
    Base64.decode(part.utf8, .exact).flatMap { JSON(parsing: $0) }
  }

  /// Seconds since 1970.
  private static func time(_ value: JSON?) -> Timestamp? {
    switch value {
    case .integer(let seconds) where (0...4_000_000_000).contains(seconds):
      Timestamp(milliseconds: Int64(seconds) * 1000)
    case .double(let seconds) where (0...4e9).contains(seconds):
      Timestamp(milliseconds: Int64(seconds * 1000))
    default: nil
    }
  }

  private static func grants(_ claims: JSON) -> LiveKitGrants {
    let video = claims["video"]
    let sip = claims["sip"]
    return LiveKitGrants(
      roomCreate: video?["roomCreate"] == true, roomList: video?["roomList"] == true,
      roomAdmin: video?["roomAdmin"] == true, room: video?["room"]?.string ?? "",
      destinationRoom: video?["destinationRoom"]?.string ?? "",
      sipAdmin: sip?["admin"] == true, sipCall: sip?["call"] == true)
  }
}
