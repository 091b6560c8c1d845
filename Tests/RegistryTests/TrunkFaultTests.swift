import Telephony
import TestKit
import Testing

@testable import Registry

/// Failure n of N of what makes numbers by trunk: carrier, gateway and store, each request in turn.
struct TrunkFaultTests {
  private typealias Scene = TrunkNumbersTests

  /// What must hold whenever no work goes on: all of it is there, or nothing.
  private static func check(
    _ harness: Harness, _ what: Comment
  ) async throws -> PhoneNumber? {
    let open = try await harness.store.openJournals(after: nil, limit: 9)
    #expect(open.isEmpty, what)
    let all = try await harness.numbers.list(ListPhoneNumbers(), by: .of(Harness.tenant))
    let record = harness.carrier.voice(Sample.sid(1), region: .ie1)
    let region = harness.carrier.processingRegion(of: try Sample.e164(1))
    guard let number = all.elements.first else {
      #expect(Scene.isEmpty(harness), what)
      #expect(record == VoiceSettings(voiceURL: "https://former.test/ie1"), what)
      #expect(region == .au1, what)
      return nil
    }
    #expect(all.elements.count == 1 && number.state == .active, what)
    #expect(Scene.isWhole(harness), what)
    #expect(number.resources.count == 8, what)
    #expect(record?.trunkSID == number.resources.first?.externalID, what)
    #expect(region == .ie1, what)
    #expect(number.former?.voice.voiceURL == "https://former.test/ie1", what)
    return number
  }

  @Test func importSurvivesEveryFailure() async throws {
    let (clean, provider, gateway) = try await Scene.scene()
    let counter = FaultInjector()
    _ = try await clean.restarted(counter).importByTrunk(1, provider, gateway, requestID: "r1")
    #expect(counter.count >= 50)
    for fault in FaultInjector.Fault.allCases {
      for step in 1...counter.count {
        let what = Comment("\(fault) at \(step) of \(counter.count)")
        let (harness, provider, gateway) = try await Scene.scene()
        let process = harness.restarted(FaultInjector(failing: step, fault))
        let answer = try? await process.importByTrunk(1, provider, gateway, requestID: "r1")
        await process.context.background.idle()

        let next = harness.restarted()
        try await next.context.resume()
        let number = try await Self.check(next, what)
        if let answer { #expect(number?.id == answer.id, what) }
        let repeated = try await next.importByTrunk(1, provider, gateway, requestID: "r1")
        if let number { #expect(repeated == number, what) }
        #expect(try await Self.check(next, what) != nil, what)
      }
    }
  }

  @Test func deletionSurvivesEveryFailure() async throws {
    let (clean, provider, gateway) = try await Scene.scene()
    let number = try await clean.importByTrunk(1, provider, gateway)
    let counter = FaultInjector()
    _ = try await clean.restarted(counter).numbers.delete(
      number.id.description, by: .of(Harness.tenant))
    #expect(counter.count >= 40)
    for fault in FaultInjector.Fault.allCases {
      for step in 1...counter.count {
        let what = Comment("\(fault) at \(step) of \(counter.count)")
        let (harness, provider, gateway) = try await Scene.scene()
        let number = try await harness.importByTrunk(1, provider, gateway)
        let process = harness.restarted(FaultInjector(failing: step, fault))
        let answer = try? await process.numbers.delete(
          number.id.description, by: .of(Harness.tenant))
        await process.context.background.idle()

        let next = harness.restarted()
        try await next.context.resume()
        let rest = try await Self.check(next, what)
        if answer != nil { #expect(rest == nil, what) }
        if rest != nil {
          _ = try await next.numbers.delete(number.id.description, by: .of(Harness.tenant))
          #expect(try await Self.check(next, what) == nil, what)
        }
      }
    }
  }

  /// A refusal for good at each request: the import is undone, or tells what it leaves; when all is
  /// itself again, deleting what is left clears it.
  @Test(arguments: [CarrierError.Kind.notPermitted, .notFound, .conflict, .invalidRequest])
  func isUndoneOrTellsItsLeftovers(_ kind: CarrierError.Kind) async throws {
    let (clean, provider, gateway) = try await Scene.scene()
    let counter = FaultInjector()
    _ = try await clean.refusing(counter).importByTrunk(1, provider, gateway)
    #expect(counter.count > 30)
    for request in 1...counter.count {
      let what = Comment("\(kind) for request \(request) of \(counter.count)")
      let (harness, provider, gateway) = try await Scene.scene()
      let process = harness.refusing(
        FaultInjector(failing: request), CarrierError(kind, effect: .refused))
      let error = await failure {
        try await process.importByTrunk(1, provider, gateway, requestID: "r1")
      }
      if case .provisioningFailed(let id, _, let leftovers) = error {
        let number = try? await harness.numbers.get(id.description, by: .of(Harness.tenant))
        #expect((number == nil) == leftovers.isEmpty, what)
        if number != nil {
          _ = try await harness.numbers.delete(id.description, by: .of(Harness.tenant))
        }
        #expect(try await Self.check(harness, what) == nil, what)
      } else {
        // A look that lies is believed; what was asked for is there all the same, or was refused
        // before anything began.
        _ = try await Self.check(harness, what)
      }
    }
  }

  /// All is refused from some request on, in the undoing too: the number tells what is left.
  @Test func tellsExactlyWhatIsLeft() async throws {
    let (clean, provider, gateway) = try await Scene.scene()
    let before = clean.carrier.requestCount
    _ = try await clean.importByTrunk(1, provider, gateway)
    let count = clean.carrier.requestCount - before
    #expect(count > 20)
    for request in 1...count {
      let what = Comment("from request \(request) of \(count)")
      let (harness, provider, gateway) = try await Scene.scene()
      harness.carrier.setOutage(
        CarrierError(.notPermitted, effect: .refused, code: 20003), after: request - 1)
      let error = await failure { try await harness.importByTrunk(1, provider, gateway) }
      harness.carrier.setOutage(nil)
      guard case .provisioningFailed(let id, _, let leftovers) = error else {
        #expect(request == 1, what)
        continue
      }
      let numbers = harness.trunks.inventory
      let kinds = Set(leftovers.map(\.kind))
      #expect(kinds.contains(.trunk) == numbers.contains { $0.hasPrefix("trunk ") }, what)
      #expect(kinds.contains(.originationURL) == numbers.contains { $0.hasPrefix("url ") }, what)
      #expect(
        leftovers.allSatisfy { ($0.resource != nil) == $0.kind.isResource }, what)
      #expect(harness.gateway.inboundTrunks(Scene.url).isEmpty, what)
      if !leftovers.isEmpty {
        let gone = try await harness.numbers.delete(id.description, by: .of(Harness.tenant))
        #expect(gone.state == .deleting, what)
      }
      #expect(try await Self.check(harness, what) == nil, what)
    }
  }
}

extension Harness {
  func importByTrunk(
    _ number: Int, _ provider: Provider, _ gateway: Provider, requestID: String = "",
    inbound: Bool? = nil, outbound: Bool? = nil
  ) async throws -> PhoneNumber {
    try await numbers.importNumber(
      ImportPhoneNumber(
        providerID: provider.id.description, e164: try Sample.e164(number).text,
        supportsInbound: inbound, supportsOutbound: outbound, ingress: .value(.trunk),
        gatewayID: gateway.id.description, requestID: requestID),
      by: .of(Self.tenant))
  }

  /// The same under a new process, whose carrier and gateway may refuse; its store does not.
  func refusing(
    _ injector: FaultInjector,
    _ error: CarrierError = CarrierError(.unavailable, effect: .unknown)
  ) -> Harness {
    Harness(
      store: store, carrier: carrier, port: FaultyCarrier(carrier, injector, error: error),
      storePort: store, time: time, ids: ids, gateway: gateway,
      gatewayPort: FaultyGateway(gateway, injector, error: error), trunks: trunks,
      trunkPort: FaultyTrunkCarrier(trunks, injector, error: error))
  }
}
