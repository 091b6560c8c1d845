import HTTPClient
import LiveKitAPI
import Protobuf
import Registry
import Telephony
import TestKit

@testable import LiveKit

/// What the tests talk about.
enum Sample {
  static let access = GatewayAccess(
    url: "https://livekit.example.com", apiKey: "APIfrontdesk", apiSecret: Secret("s3cret"))
  static let number = "+12025550123"

  static let inbound = GatewayInboundTrunk(
    name: "trunkline-n1", numbers: [number], allowedAddresses: ["192.0.2.0/24"],
    allowedNumbers: ["+12025550199"], username: "caller", password: Secret("pass"),
    encryption: .required)
  static let outbound = GatewayOutboundTrunk(
    name: "trunkline-n1", address: "front.pstn.twilio.com", transport: .tls, numbers: [number],
    username: "us", password: Secret("pass"), headers: ["X-One": "1"], encryption: .disabled)
  static let rule = GatewayDispatchRule(
    name: "trunkline-n1", trunkIDs: ["ST_1"], roomPrefix: "call-", attributes: ["a": "b"])
}

extension Result<HTTPResponse, HTTPClientError> {
  static func message(_ message: some GeneratedMessage) -> Self {
    .success(
      HTTPResponse(
        status: 200, headers: [.init("Content-Type", "application/protobuf")],
        body: message.serialized()))
  }

  static func twirp(_ status: Int, _ code: String, _ message: String = "no") -> Self {
    .json(status, "{\"code\":\"\(code)\",\"msg\":\"\(message)\"}")
  }

  static func inboundTrunks(_ trunks: Livekit.SIPInboundTrunkInfo...) -> Self {
    .message(Livekit.ListSIPInboundTrunkResponse(items: trunks))
  }
}
