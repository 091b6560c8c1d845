import Buffers
import Crypto
import Telephony

@testable import CarrierSim

/// LiveKit's side of the harness.
extension SimulatorHarness {
  /// A token for a key that the control API was told of; times are seconds from now.
  func token(
    key: String = "devkey", secret: String = "devsecret", algorithm: String = "HS256",
    from: Int = 0, to: Int = 60, video: JSON = [:], sip: JSON = [:]
  ) -> String {
    let now = Int(now.milliseconds / 1000)
    let header: JSON = ["alg": .string(algorithm), "typ": "JWT"]
    let claims: JSON = [
      "iss": .string(key), "nbf": .integer(now + from), "exp": .integer(now + to),
      "video": video, "sip": sip,
    ]
    let parts = [header, claims].map { Base64.encode(Array($0.text.utf8), .urlSafe) }
    let signed = parts.joined(separator: ".")
    let code = HMAC.code(.sha256, key: Array(secret.utf8), message: Array(signed.utf8))
    return signed + "." + Base64.encode(code, .urlSafe)
  }

  /// Asks LiveKit, and gives the request's id.
  mutating func livekit(
    _ method: String, _ name: String, _ body: [UInt8], _ token: String?,
    contentType: String = "application/json"
  ) -> RequestID {
    let id = takeRequestID()
    let request = SimulatorRequest(
      method, "/twirp/livekit." + name, authorization: token.map { "Bearer " + $0 },
      contentType: contentType, body: body)
    note(state.livekitCame(id, request, at: now))
    return id
  }

  /// The status and the JSON of an answer that came at once.
  mutating func twirp(
    _ name: String, _ body: JSON, token: String?
  ) -> (status: Int, json: JSON) {
    let id = livekit("POST", name, Array(body.text.utf8), token)
    return (answers[id]?.status ?? 0, json(id))
  }
}
