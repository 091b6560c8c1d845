package import Telephony

/// Something that we made for a number, at its carrier or at a gateway.
package struct ExternalResource: Sendable, Hashable, Codable {
  /// The step that makes it.
  package var kind: StepKind
  /// Whose credentials it was made with.
  package var providerID: ProviderID
  package var region: Region
  /// Ours: by it the thing is found again when the answer that told its id was lost.
  package var name: String
  /// What it says where steps need it: a domain, an address, a user name; else empty. No secret.
  package var value: String
  /// What the carrier or the gateway calls it; empty until it is made, and where it has none.
  package var externalID: String

  package init(
    _ kind: StepKind, providerID: ProviderID, region: Region, name: String, value: String = "",
    externalID: String = ""
  ) {
    precondition(kind.isResource, "A step of kind \(kind.rawValue) makes nothing.")
    self.kind = kind
    self.providerID = providerID
    self.region = region
    self.name = name
    self.value = value
    self.externalID = externalID
  }

  /// What everything that is made for a number is called.
  package static func name(for number: PhoneNumberID) -> String { "trunkline-\(number)" }
}
