internal import HTTPClient
package import Registry
package import Telephony

// Sub-accounts of the operator's account.
extension TwilioMarket {
  package func subAccount(
    named name: String, _ access: CarrierAccess
  ) async throws(CarrierError) -> SubAccount {
    try await asCarrierError { () async throws(TwilioFailure) -> SubAccount in
      if let found = try await findSubAccount(name, access) { return found }
      let request = try requests(access).makeSubAccount(name)
      _ = try await transport.send(request, repeats: .whenNotDone)
      // Whoever made another at the same moment finds the same one.
      guard let made = try await findSubAccount(name, access) else {
        throw .unreadable("sub-account that was made")
      }
      return made
    }
  }

  private func findSubAccount(
    _ name: String, _ access: CarrierAccess
  ) async throws(TwilioFailure) -> SubAccount? {
    let request = try requests(access).listSubAccounts(name)
    let listed = try await transport.send(request, repeats: .always)
    return try TwilioAnswers.oldestSubAccount(listed, name)
  }

  package func quarantine(
    _ sid: CarrierNumberSID, name: String, of account: AccountSID, _ access: CarrierAccess
  ) async throws(CarrierError) {
    try await asCarrierError { () async throws(TwilioFailure) in
      let request = try requests(access).takeNumber(sid, name: name, from: account)
      do throws(TwilioFailure) {
        _ = try await transport.send(request, repeats: .whenNotDone)
      } catch {
        // It is the operator's already, or gone.
        guard error.isAbsence else { throw error }
      }
    }
  }
}

extension TwilioRequests {
  func listSubAccounts(_ name: String) throws(TwilioFailure) -> HTTPRequest {
    try get(.api, "/2010-04-01/Accounts.json", [("FriendlyName", name), ("PageSize", "50")])
  }

  func makeSubAccount(_ name: String) throws(TwilioFailure) -> HTTPRequest {
    try post(.api, "/2010-04-01/Accounts.json", [("FriendlyName", name)])
  }

  /// Moves a number from a sub-account to the account that asks.
  func takeNumber(
    _ sid: CarrierNumberSID, name: String, from account: AccountSID
  ) throws(TwilioFailure) -> HTTPRequest {
    try post(
      .api, "/2010-04-01/Accounts/\(account)/IncomingPhoneNumbers/\(sid).json",
      [("AccountSid", access.account.description), ("FriendlyName", name)])
  }
}

extension TwilioAnswers {
  /// Of the active sub-accounts of that name the first that was made: of two that were made at once
  /// everybody takes the same.
  static func oldestSubAccount(
    _ value: JSONValue, _ name: String
  ) throws(TwilioFailure) -> SubAccount? {
    guard let entries = value["accounts"]?.array else { throw .unreadable("accounts") }
    let found = entries.filter {
      $0["friendly_name"]?.string == name && $0["status"]?.string == "active"
        && $0["sid"]?.string != $0["owner_account_sid"]?.string
    }
    func age(_ entry: JSONValue) -> (Timestamp, String) {
      let created = entry["date_created"]?.string.flatMap(CarrierDate.parse)
      return (created ?? Timestamp(microseconds: 0), entry["sid"]?.string ?? "")
    }
    guard let oldest = found.min(by: { age($0) < age($1) }) else { return nil }
    guard let sid = oldest["sid"]?.string.flatMap({ try? AccountSID($0) }),
      let token = oldest["auth_token"]?.string, !token.isEmpty
    else { throw .unreadable("auth_token of a sub-account") }
    return SubAccount(sid: sid, authToken: Secret(token))
  }
}
