package import HTTPClient
package import Registry
package import Telephony

/// What a diagnosis reads at Twilio, as the registry's port.
package struct TwilioDiagnostics: CarrierDiagnostics {
  private let transport: TwilioTransport
  private let endpoints: TwilioEndpoints

  /// The most origination URLs that are asked for; Twilio lets a trunk have ten.
  private static let originationCountMax = 100

  package init(client: some HTTPSending, endpoints: TwilioEndpoints, time: some TimeSource) {
    transport = TwilioTransport(client: client, time: time)
    self.endpoints = endpoints
  }

  package func tryCalls(_ access: CarrierAccess) async throws(CarrierError) {
    try await asCarrierError { () async throws(TwilioFailure) in
      let request = try requests(access).listCalls(size: 1)
      guard try await transport.send(request, repeats: .always)["calls"]?.array != nil else {
        throw .unreadable("calls")
      }
    }
  }

  package func dialingPermission(
    for country: CountryCode, _ access: CarrierAccess
  ) async throws(CarrierError) -> DialingPermission {
    try await asCarrierError { () async throws(TwilioFailure) -> DialingPermission in
      let request = try requests(access).fetchDialingPermission(of: country)
      let answer = try await transport.send(request, repeats: .always)
      return DialingPermission(
        lowRisk: try answer.flag("low_risk_numbers_enabled"),
        highRiskSpecial: try answer.flag("high_risk_special_numbers_enabled"),
        highRiskTollFraud: try answer.flag("high_risk_tollfraud_numbers_enabled"))
    }
  }

  package func trunk(
    _ sid: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierTrunk {
    try await asCarrierError { () async throws(TwilioFailure) -> CarrierTrunk in
      let requests = requests(access)
      let trunk = try await transport.send(try requests.fetchTrunk(sid), repeats: .always)
      let listed = try await transport.send(
        try requests.list(
          .originationURLs(sid), page: nil, size: Self.originationCountMax),
        repeats: .always)
      guard let urls = listed["origination_urls"]?.array else {
        throw .unreadable("origination_urls")
      }
      let kinds = (trunk["auth_type_set"]?.array ?? []).compactMap(\.string)
      return CarrierTrunk(
        isSecure: try trunk.flag("secure"), hasCredentialList: kinds.contains("CREDENTIAL_LIST"),
        hasAddressList: kinds.contains("IP_ACL"), originationCount: urls.count,
        enabledOriginationCount: urls.count { $0["enabled"]?.bool == true },
        domainName: trunk["domain_name"]?.string ?? "")
    }
  }

  private func requests(_ access: CarrierAccess) -> TwilioRequests {
    TwilioRequests(endpoints: endpoints, access: TwilioAccess(access))
  }
}
