package enum AccountSIDKind: IdentifierKind { package static let prefix = "AC" }
package enum APIKeySIDKind: IdentifierKind { package static let prefix = "SK" }
package enum CarrierNumberSIDKind: IdentifierKind { package static let prefix = "PN" }
package enum CarrierCallSIDKind: IdentifierKind { package static let prefix = "CA" }
package enum CarrierTrunkSIDKind: IdentifierKind { package static let prefix = "TK" }
package enum OriginationURLSIDKind: IdentifierKind { package static let prefix = "OU" }
package enum CredentialListSIDKind: IdentifierKind { package static let prefix = "CL" }

/// A Twilio account or sub-account: `AC` and 32 hex digits.
package typealias AccountSID = HexIdentifier<AccountSIDKind>
/// A Twilio API key: `SK` and 32 hex digits. Not a secret; reads mask it all the same.
package typealias APIKeySID = HexIdentifier<APIKeySIDKind>
/// A number as Twilio names it: `PN` and 32 hex digits, the same in every region.
package typealias CarrierNumberSID = HexIdentifier<CarrierNumberSIDKind>
/// A call as Twilio names it: `CA` and 32 hex digits.
package typealias CarrierCallSID = HexIdentifier<CarrierCallSIDKind>
/// An Elastic SIP trunk as Twilio names it: `TK` and 32 hex digits.
package typealias CarrierTrunkSID = HexIdentifier<CarrierTrunkSIDKind>
/// An origination URL of a trunk as Twilio names it: `OU` and 32 hex digits.
package typealias OriginationURLSID = HexIdentifier<OriginationURLSIDKind>
/// A list of SIP credentials as Twilio names it: `CL` and 32 hex digits.
package typealias CredentialListSID = HexIdentifier<CredentialListSIDKind>
