import Access
import Telephony
import TestKit
import Testing

@testable import Registry

/// A registry beside a LiveKit server that knows three keys.
struct ProviderTypes {
  static let url = "https://livekit.test"
  let harness = Harness()
  var providers: Providers { harness.providers }
  let tenant = Harness.tenant

  init() {
    harness.gateway.addKey("APIfirstkey123", secret: "secret-one", url: Self.url)
    harness.gateway.addKey("APIsecondkey45", secret: "secret-two", url: Self.url)
    harness.gateway.addKey("APIviewer00000", secret: "s3", url: Self.url, isAdmin: false)
  }

  func create(_ input: ProviderInput, requestID: String = "") async throws -> Provider {
    try await providers.create(
      CreateProvider(provider: input, requestID: requestID), by: .of(tenant))
  }

  func liveKit(
    key: String = "APIfirstkey123", secret: String = "secret-one", url: String = url
  ) -> ProviderInput {
    ProviderInput(
      displayName: "Gateway", region: .value(.us1),
      liveKit: LiveKitInput(url: url, apiKey: key, apiSecret: Secret(secret)))
  }

  func trunk(
    _ change: (inout SIPTrunkInput) -> Void = { _ in }, gateway: ProviderID? = nil
  ) -> ProviderInput {
    var trunk = SIPTrunkInput(
      outbound: .init(
        address: "SIP.Carrier.test:5061", transport: .value(.tls), encryption: .value(.required),
        headers: ["X-Line": "one"], username: "out", password: Secret("out-pass")),
      inbound: .init(
        allowedAddresses: ["192.0.2.0/24", "2001:db8::7"], allowedNumbers: ["+15005550009"],
        encryption: .value(.disabled), username: "in", password: Secret("in-pass")),
      gatewayProviderID: gateway?.description ?? "")
    change(&trunk)
    return ProviderInput(displayName: "Trunk", region: .value(.us1), sipTrunk: trunk)
  }

  func refused(_ input: ProviderInput) async -> [String: FieldViolation.Reason] {
    fields(await failure { try await create(input) })
  }

  func gatewayRefusal(_ error: RegistryError?) -> CarrierError.Kind? {
    guard case .gateway(let failure) = error else { return nil }
    return failure.kind
  }

  func update(_ input: ProviderInput, mask: [String]? = nil) async throws -> Provider {
    try await providers.update(UpdateProvider(provider: input, mask: mask), by: .of(tenant))
  }
}
