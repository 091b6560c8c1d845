import HTTPClient
import Registry
import Telephony
import Testing
import Twilio

@testable import CarrierSim

/// The adapter of trunks over sockets, at the simulator's Twilio.
@Suite struct TwilioTrunksAtSimulatorTests {
  /// What a test asks with, in one region.
  private struct Desk {
    let rig: SimulatorRig
    let trunks: TwilioTrunks
    let carrier: TwilioCarrier
    let access: CarrierAccess
    let number: CarrierNumberSID
  }

  private static let domain = "front.pstn.twilio.com"

  private func run(
    _ region: Region = .us1, _ body: (Desk) async throws -> Void
  ) async throws {
    try await SimulatorRig.run { rig async throws in
      let account = try await rig.control(.post, "/accounts")["sid"] ?? .null
      let key = try await rig.control(
        .post, "/keys", ["account_sid": account, "region": .string(region.rawValue)])
      let number = try await rig.control(
        .post, "/numbers", ["account_sid": account, "phone_number": "+15005550006"])
      let endpoints = try #require(
        TwilioEndpoints(parsing: "\(region.rawValue)=\(rig.url(region.rawValue))"))
      try await body(
        Desk(
          rig: rig,
          trunks: TwilioTrunks(client: rig.client, endpoints: endpoints, time: rig.time),
          carrier: TwilioCarrier(client: rig.client, endpoints: endpoints, time: rig.time),
          access: CarrierAccess(
            accountSID: try AccountSID(account.string ?? ""), region: region,
            credentials: .apiKey(
              sid: try APIKeySID(key["sid"]?.string ?? ""),
              secret: Secret(key["secret"]?.string ?? ""))),
          number: try CarrierNumberSID(number["sid"]?.string ?? "")))
    }
  }

  @Test(arguments: Region.allCases)
  func makesFindsAttachesAndDeletesAll(_ region: Region) async throws {
    try await run(region) { desk async throws in
      let (trunks, access) = (desk.trunks, desk.access)
      let before = try await desk.rig.inventory()
      #expect(try await trunks.findTrunk(named: "trunkline-a", access) == nil)
      let trunk = try await trunks.createTrunk(
        named: "trunkline-a", domain: Self.domain, isSecure: true, access)
      #expect(try await trunks.findTrunk(named: "trunkline-a", access) == trunk)
      let sipURL = "sip:front.sip.livekit.cloud;transport=tls"
      let url = try await trunks.createOriginationURL(
        named: "trunkline-a", sipURL: sipURL, on: trunk, access)
      #expect(
        try await trunks.findOriginationURL(named: "trunkline-a", on: trunk, access)
          == CarrierOriginationURL(sid: url, sipURL: sipURL, isEnabled: true))
      let list = try await trunks.createCredentialList(named: "trunkline-a", access)
      #expect(try await trunks.findCredentialList(named: "trunkline-a", access) == list)
      #expect(try await !trunks.hasCredential("us", in: list, access))
      try await trunks.createCredential(
        "us", password: Secret("Abcdefghijk1"), in: list, access)
      #expect(try await trunks.hasCredential("us", in: list, access))
      #expect(try await !trunks.isAttached(list, to: trunk, access))
      try await trunks.attach(list, to: trunk, access)
      #expect(try await trunks.isAttached(list, to: trunk, access))
      let former = try await desk.carrier.fetchNumber(desk.number, access).voice
      try await trunks.attach(desk.number, to: trunk, access)
      #expect(
        try await desk.carrier.fetchNumber(desk.number, access).voice.trunkSID
          == trunk.description)

      // What is in use stays.
      let used = try await desk.rig.failure { try await trunks.deleteTrunk(trunk, access) }
      #expect(used?.code == 21247)
      #expect(used?.kind == .conflict)
      let listed = try await desk.rig.failure {
        try await trunks.deleteCredentialList(list, access)
      }
      #expect(listed?.code == 21241)

      _ = try await desk.carrier.configureNumber(desk.number, voice: former, access)
      for _ in 0..<2 {
        try await trunks.detach(list, from: trunk, access)
        try await trunks.deleteCredentialList(list, access)
        try await trunks.deleteOriginationURL(url, on: trunk, access)
        try await trunks.deleteTrunk(trunk, access)
      }
      #expect(try await desk.rig.inventory() == before)
    }
  }

  @Test func whatTheCarrierRefuses() async throws {
    try await run { desk async throws in
      let (trunks, access) = (desk.trunks, desk.access)
      let trunk = try await trunks.createTrunk(
        named: "a", domain: Self.domain, isSecure: false, access)
      func code(_ body: () async throws -> Void) async throws -> Int? {
        try await desk.rig.failure(body)?.code
      }
      #expect(
        try await code {
          _ = try await trunks.createTrunk(
            named: "b", domain: Self.domain, isSecure: false, access)
        } == 21248)
      #expect(
        try await code {
          _ = try await trunks.createTrunk(
            named: "b", domain: "front.example.com", isSecure: false, access)
        } == 21245)
      let list = try await trunks.createCredentialList(named: "a", access)
      #expect(
        try await code {
          try await trunks.createCredential(
            "us", password: Secret("nouppercase1"), in: list, access)
        } == 21240)
      #expect(
        try await code {
          _ = try await trunks.createOriginationURL(
            named: "a", sipURL: "https://a.example", on: trunk, access)
        } == 20001)
    }
  }

  @Test func aLostAnswerLeavesWhatIsFoundByItsName() async throws {
    try await run { desk async throws in
      let (trunks, access) = (desk.trunks, desk.access)
      try await desk.rig.fault("lost_after", "*/Trunks", method: "POST")
      let lost = try await desk.rig.failure {
        _ = try await trunks.createTrunk(
          named: "trunkline-a", domain: Self.domain, isSecure: false, access)
      }
      #expect(lost?.effect == .unknown)
      let trunk = try #require(try await trunks.findTrunk(named: "trunkline-a", access))
      try await desk.rig.fault("lost_after", "*/Trunks/*", method: "DELETE")
      try await trunks.deleteTrunk(trunk, access)
      #expect(try await trunks.findTrunk(named: "trunkline-a", access) == nil)
    }
  }

  @Test func aListOfManyIsFollowed() async throws {
    try await run { desk async throws in
      for index in 0..<100 {
        _ = try await desk.trunks.createCredentialList(named: "list \(index)", desk.access)
      }
      let list = try #require(
        try await desk.trunks.findCredentialList(named: "list 0", desk.access))
      for index in 0...100 {
        try await desk.trunks.createCredential(
          "user \(index)", password: Secret("Abcdefghijk1"), in: list, desk.access)
      }
      // One more than the adapter asks for at once, the oldest last.
      #expect(try await desk.trunks.hasCredential("user 0", in: list, desk.access))
      #expect(try await !desk.trunks.hasCredential("nobody", in: list, desk.access))
    }
  }
}
