package import Registry
package import Telephony

/// A carrier of whose requests one fails, as the injector says.
package struct FaultyCarrier: Carrier {
  private let base: FakeCarrier
  private let injector: FaultInjector
  private let error: CarrierError

  package init(
    _ base: FakeCarrier, _ injector: FaultInjector,
    error: CarrierError = CarrierError(.unavailable, effect: .unknown)
  ) {
    self.base = base
    self.injector = injector
    self.error = error
  }

  package func probe(_ access: CarrierAccess) async throws(CarrierError) -> AccountSID {
    try await step { () async throws(CarrierError) in try await base.probe(access) }
  }

  package func owner(_ access: CarrierAccess) async throws(CarrierError) -> AccountSID {
    try await step { () async throws(CarrierError) in try await base.owner(access) }
  }

  package func listNumbers(
    from token: String?, size: Int, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumberPage {
    try await step { () async throws(CarrierError) in
      try await base.listNumbers(from: token, size: size, access)
    }
  }

  package func findNumber(
    _ e164: E164, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber? {
    try await step { () async throws(CarrierError) in try await base.findNumber(e164, access) }
  }

  package func fetchNumber(
    _ sid: CarrierNumberSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber {
    try await step { () async throws(CarrierError) in try await base.fetchNumber(sid, access) }
  }

  package func configureNumber(
    _ sid: CarrierNumberSID, voice: VoiceSettings, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber {
    try await step { () async throws(CarrierError) in
      try await base.configureNumber(sid, voice: voice, access)
    }
  }

  package func processingRegion(
    of e164: E164, _ access: CarrierAccess
  ) async throws(CarrierError) -> Region? {
    try await step { () async throws(CarrierError) in
      try await base.processingRegion(of: e164, access)
    }
  }

  package func setProcessingRegion(
    _ region: Region, of e164: E164, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await step { () async throws(CarrierError) in
      try await base.setProcessingRegion(region, of: e164, access)
    }
  }

  private func step<Result: Sendable>(
    _ body: () async throws(CarrierError) -> Result
  ) async throws(CarrierError) -> Result {
    switch injector.step() {
    case .proceed:
      return try await body()
    case .failBefore:
      throw CarrierError(error.kind, effect: .beforeSend, code: error.code)
    case .failAfter:
      _ = try await body()
      throw error
    }
  }
}
