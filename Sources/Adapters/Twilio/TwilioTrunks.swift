package import HTTPClient
package import Registry
package import Telephony

/// Elastic SIP Trunking and SIP credentials at Twilio, as the registry's port.
package struct TwilioTrunks: TrunkCarrier {
  private let transport: TwilioTransport
  private let endpoints: TwilioEndpoints

  /// How many entries of a list are asked for at once.
  private static let listPageSize = 100
  /// The most pages that one look for a name goes through.
  static let listPageCountMax = 100

  package init(client: some HTTPSending, endpoints: TwilioEndpoints, time: some TimeSource) {
    transport = TwilioTransport(client: client, time: time)
    self.endpoints = endpoints
  }

  // MARK: Trunks

  package func findTrunk(
    named name: String, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierTrunkSID? {
    try await asCarrierError { () async throws(TwilioFailure) -> CarrierTrunkSID? in
      let found = try await find(.trunks, named: name, access)
      return try found.map { (trunk) throws(TwilioFailure) in try trunk.sid() }
    }
  }

  package func createTrunk(
    named name: String, domain: String, isSecure: Bool, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierTrunkSID {
    try await asCarrierError { () async throws(TwilioFailure) -> CarrierTrunkSID in
      try await make(
        try requests(access).createTrunk(named: name, domain: domain, isSecure: isSecure)
      ).sid()
    }
  }

  package func deleteTrunk(
    _ sid: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await asCarrierError { () async throws(TwilioFailure) in
      try await transport.delete(try requests(access).deleteTrunk(sid))
    }
  }

  // MARK: Origination URLs

  package func findOriginationURL(
    named name: String, on trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierOriginationURL? {
    try await asCarrierError { () async throws(TwilioFailure) -> CarrierOriginationURL? in
      guard let found = try await find(.originationURLs(trunk), named: name, access) else {
        return nil
      }
      guard let url = found["sip_url"]?.string else { throw .unreadable("sip_url") }
      return CarrierOriginationURL(
        sid: try found.sid(), sipURL: url, isEnabled: try found.flag("enabled"))
    }
  }

  package func createOriginationURL(
    named name: String, sipURL: String, on trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> OriginationURLSID {
    try await asCarrierError { () async throws(TwilioFailure) -> OriginationURLSID in
      try await make(
        try requests(access).createOriginationURL(named: name, sipURL: sipURL, on: trunk)
      ).sid()
    }
  }

  package func deleteOriginationURL(
    _ sid: OriginationURLSID, on trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await asCarrierError { () async throws(TwilioFailure) in
      try await transport.delete(try requests(access).deleteOriginationURL(sid, on: trunk))
    }
  }

  // MARK: Credential lists

  package func findCredentialList(
    named name: String, _ access: CarrierAccess
  ) async throws(CarrierError) -> CredentialListSID? {
    try await asCarrierError { () async throws(TwilioFailure) -> CredentialListSID? in
      let found = try await find(.credentialLists, named: name, access)
      return try found.map { (list) throws(TwilioFailure) in try list.sid() }
    }
  }

  package func createCredentialList(
    named name: String, _ access: CarrierAccess
  ) async throws(CarrierError) -> CredentialListSID {
    try await asCarrierError { () async throws(TwilioFailure) -> CredentialListSID in
      try await make(try requests(access).createCredentialList(named: name)).sid()
    }
  }

  package func deleteCredentialList(
    _ sid: CredentialListSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await asCarrierError { () async throws(TwilioFailure) in
      try await transport.delete(try requests(access).deleteCredentialList(sid))
    }
  }

  package func hasCredential(
    _ username: String, in list: CredentialListSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> Bool {
    try await asCarrierError { () async throws(TwilioFailure) -> Bool in
      try await find(.credentials(list), access) { $0["username"]?.string == username } != nil
    }
  }

  package func createCredential(
    _ username: String, password: Secret, in list: CredentialListSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    do {
      try await asCarrierError { () async throws(TwilioFailure) in
        _ = try await make(
          try requests(access).createCredential(username, password: password, in: list))
      }
    } catch {
      // A refusal may quote what is refused.
      var hidden = error
      let text = String(decoding: password.revealed, as: UTF8.self)
      if !text.isEmpty { hidden.message = error.message.replacing(text, with: "***") }
      throw hidden
    }
  }

  // MARK: What is attached to a trunk

  package func isAttached(
    _ list: CredentialListSID, to trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) -> Bool {
    try await asCarrierError { () async throws(TwilioFailure) -> Bool in
      let request = try requests(access).fetchAttached(list, to: trunk)
      do throws(TwilioFailure) {
        _ = try await transport.send(request, repeats: .always)
        return true
      } catch {
        guard error.isAbsence else { throw error }
        return false
      }
    }
  }

  package func attach(
    _ list: CredentialListSID, to trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await asCarrierError { () async throws(TwilioFailure) in
      _ = try await make(try requests(access).attach(list, to: trunk))
    }
  }

  package func detach(
    _ list: CredentialListSID, from trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await asCarrierError { () async throws(TwilioFailure) in
      try await transport.delete(try requests(access).detach(list, from: trunk))
    }
  }

  package func attach(
    _ number: CarrierNumberSID, to trunk: CarrierTrunkSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await asCarrierError { () async throws(TwilioFailure) in
      let answer = try await make(try requests(access).attach(number, to: trunk))
      guard answer["trunk_sid"]?.string == trunk.description else {
        throw .unreadable("trunk_sid that was set")
      }
    }
  }

  // MARK: What they share

  private func make(_ request: HTTPRequest) async throws(TwilioFailure) -> JSONValue {
    try await transport.send(request, repeats: .whenNotDone)
  }

  private func find(
    _ list: TwilioRequests.TrunkList, named name: String, _ access: CarrierAccess
  ) async throws(TwilioFailure) -> JSONValue? {
    try await find(list, access) { $0["friendly_name"]?.string == name }
  }

  /// The first entry of all pages that `isWanted`.
  private func find(
    _ list: TwilioRequests.TrunkList, _ access: CarrierAccess, where isWanted: (JSONValue) -> Bool
  ) async throws(TwilioFailure) -> JSONValue? {
    var page: TwilioPageToken?
    for _ in 0..<Self.listPageCountMax {
      let answer = try await transport.send(
        try requests(access).list(list, page: page, size: Self.listPageSize), repeats: .always)
      guard let entries = answer[list.key]?.array else { throw .unreadable(list.key) }
      if let found = entries.first(where: isWanted) { return found }
      page = try TwilioAnswers.nextPage(answer)
      if page == nil { return nil }
    }
    throw TwilioFailure(
      .limit, effect: .refused,
      message: "The list did not end after \(Self.listPageCountMax) pages.")
  }

  private func requests(_ access: CarrierAccess) -> TwilioRequests {
    TwilioRequests(endpoints: endpoints, access: TwilioAccess(access))
  }
}

extension JSONValue {
  /// Its `sid`, of the kind that is asked for.
  fileprivate func sid<Kind>() throws(TwilioFailure) -> HexIdentifier<Kind> {
    guard let sid = self["sid"]?.string.flatMap({ try? HexIdentifier<Kind>($0) }) else {
      throw .unreadable("sid")
    }
    return sid
  }
}
