import API
import CommandLine
import Protobuf
import Testing
import WellKnown

@Suite struct GatewayCommandTests {
  private static let gateway = V1.Provider.with { provider in
    provider.id = "prv_1"
    provider.region = .us1
    provider.state = .active
    provider.config = .livekit(
      V1.Provider.LiveKit(
        url: "https://livekit.test", apiKey: "API****x7Qd", hasApiSecret: true))
  }
  private static let trunk = V1.Provider.with { provider in
    provider.id = "prv_2"
    provider.region = .us1
    provider.state = .active
    provider.config = .sipTrunk(
      V1.Provider.SipTrunk(
        outbound: .init(
          address: "sip.test", transport: .tls, mediaEncryption: .required,
          headers: ["X-Line": "one"], username: "out", hasPassword: true),
        inbound: .init(
          allowedAddresses: ["192.0.2.0/24"], allowedNumbers: ["+15005550006"],
          mediaEncryption: .allowed),
        gatewayProviderID: "prv_1"))
  }

  private func creating(
    _ command: String, files: [String: String] = [:], environment: [String: String] = [:]
  ) async -> (outcome: CommandHarness.Outcome, config: V1.Provider.Config?) {
    let requests = Requests<V1.CreateProviderRequest>()
    let harness = CommandHarness(environment: environment, files: files) { router in
      router.answer(V1.ProviderServiceMethods.createProvider, requests) { _, _ in
        V1.CreateProviderResponse(provider: Self.gateway)
      }
    }
    return (await harness.run(command), requests.last?.provider?.config)
  }

  @Test func linksALiveKitServer() async {
    let made = await creating(
      "providers create --type livekit --region us1 --url https://livekit.test --api-key APIx "
        + "--api-secret-file -", files: ["-": "s3cret\n"])
    #expect(made.outcome.status == .success)
    #expect(
      made.config
        == .livekit(
          V1.Provider.LiveKit(url: "https://livekit.test", apiKey: "APIx", apiSecret: "s3cret")))
    #expect(
      made.outcome.output == """
        id:         prv_1
        region:     us1
        type:       livekit
        url:        https://livekit.test
        API key:    API****x7Qd
        API secret: stored
        state:      active

        """)
    let environment = await creating(
      "providers create --type livekit --region us1 --url https://livekit.test --api-key APIx",
      environment: ["TRUNKLINE_LIVEKIT_API_SECRET": "t0p"])
    guard case .livekit(let gateway) = environment.config else {
      Issue.record("\(environment)")
      return
    }
    #expect(gateway.apiSecret == "t0p")
  }

  @Test func linksATrunk() async {
    let made = await creating(
      "providers create --type sip-trunk --region ie1 --address sip.test:5061 --transport tls "
        + "--media-encryption required --header X-Line=one --header X-Two=a,b --username out "
        + "--password-file out --allowed-address 192.0.2.0/24 --allowed-address ::1 "
        + "--allowed-number +15005550006 --inbound-media-encryption disabled "
        + "--inbound-username in --inbound-password-file - --gateway prv_1",
      files: ["out": "p1\n", "-": "p2"])
    #expect(made.outcome.status == .success)
    #expect(
      made.config
        == .sipTrunk(
          V1.Provider.SipTrunk(
            outbound: .init(
              address: "sip.test:5061", transport: .tls, mediaEncryption: .required,
              headers: ["X-Line": "one", "X-Two": "a,b"], username: "out", password: "p1"),
            inbound: .init(
              allowedAddresses: ["192.0.2.0/24", "::1"], allowedNumbers: ["+15005550006"],
              mediaEncryption: .disabled, username: "in", password: "p2"),
            gatewayProviderID: "prv_1")))
  }

  @Test(arguments: [
    "--type livekit --url https://x", "--type livekit --api-key APIx", "--type twilio",
    "--type livekit --url https://x --api-key A --account-sid AC1",
    "--type sip-trunk --address x --account-sid AC1", "--type sip-trunk --url https://x",
    "--account-sid AC1 --address sip.test",
    "--type sip-trunk --password-file - --inbound-password-file -", "--type other",
  ])
  func optionsOfAnotherTypeAreRefused(_ options: String) async {
    let made = await creating("providers create --region us1 " + options)
    #expect(made.outcome.status == .usage)
    #expect(made.config == nil)
  }

  @Test func changesWhatIsNamed() async {
    let requests = Requests<V1.UpdateProviderRequest>()
    let harness = CommandHarness(files: ["-": "s3cret"]) { router in
      router.answer(V1.ProviderServiceMethods.updateProvider, requests) { _, _ in
        V1.UpdateProviderResponse(provider: Self.trunk)
      }
    }
    let named = await harness.run("providers update prv_2 --name n")
    #expect(named.status == .success)
    #expect(requests.last?.provider?.config == nil)
    #expect(requests.last?.updateMask?.paths == ["display_name"])
    #expect(
      named.output == """
        id:                       prv_2
        region:                   us1
        type:                     sip-trunk
        address:                  sip.test
        transport:                tls
        media encryption:         required
        headers:                  X-Line=one
        user name:                out
        password:                 stored
        allowed addresses:        192.0.2.0/24
        allowed numbers:          +15005550006
        inbound media encryption: allowed
        inbound password:         none
        gateway:                  prv_1
        state:                    active

        """)
    _ = await harness.run("providers update prv_2 --allowed-address ::1 --gateway=")
    #expect(
      requests.last?.updateMask?.paths == [
        "sip_trunk.inbound", "sip_trunk.gateway_provider_id",
      ])
    _ = await harness.run("providers update prv_1 --api-key APIy --api-secret-file -")
    #expect(
      requests.last?.provider?.config
        == .livekit(V1.Provider.LiveKit(apiKey: "APIy", apiSecret: "s3cret")))
    #expect(requests.last?.updateMask?.paths == ["livekit.api_key", "livekit.api_secret"])
    let mixed = await harness.run("providers update prv_1 --api-key APIy --address sip.test")
    #expect(mixed.status == .usage)
    let other = await harness.run("providers update prv_1 --address sip.test --remove-api-key")
    #expect(other.status == .usage)
  }

  @Test func listsTheType() async {
    let requests = Requests<V1.ListProvidersRequest>()
    let harness = CommandHarness { router in
      router.answer(V1.ProviderServiceMethods.listProviders, requests) { _, _ in
        V1.ListProvidersResponse(providers: [Self.gateway, Self.trunk])
      }
    }
    let outcome = await harness.run("providers ls --type sip-trunk")
    #expect(requests.last?.type == .sipTrunk)
    #expect(
      outcome.output == """
        ID     TYPE       ACCOUNT               REGION  STATE   NAME
        prv_1  livekit    https://livekit.test  us1     active  -
        prv_2  sip-trunk  sip.test              us1     active  -

        """)
  }
}
