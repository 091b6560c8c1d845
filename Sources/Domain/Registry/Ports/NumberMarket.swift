package import Telephony

/// What kind of number is bought. The raw value is stored.
package enum MarketNumberKind: String, Sendable, Hashable, Codable, CaseIterable {
  case local, mobile, tollFree
}

/// Which numbers are looked for; an empty text takes all.
package struct NumberSearch: Sendable, Hashable {
  package var country: CountryCode
  package var kind: MarketNumberKind
  /// Three digits of the North American plan.
  package var areaCode: String
  /// Digits and `*`, which stands for any one digit.
  package var contains: String
  /// The most numbers that are given, 1 to `RegistryLimits.searchLimitMax`.
  package var limit: Int

  package init(
    country: CountryCode, kind: MarketNumberKind = .local, areaCode: String = "",
    contains: String = "", limit: Int = RegistryLimits.searchLimitDefault
  ) {
    self.country = country
    self.kind = kind
    self.areaCode = areaCode
    self.contains = contains
    self.limit = limit
  }
}

/// A number that nobody has and that a carrier sells.
package struct MarketNumber: Sendable, Hashable {
  /// What a buyer must show.
  package enum AddressRequirement: String, Sendable, Hashable, CaseIterable {
    case none, any, local, foreign
  }

  package var e164: E164
  /// By ISO 3166.
  package var country: String
  package var kind: MarketNumberKind
  /// The town or the like; may be empty.
  package var locality: String
  /// The state or the like; may be empty.
  package var area: String
  /// nil: the carrier did not say, or something that is not known here.
  package var addressRequirement: AddressRequirement?

  package init(
    e164: E164, country: String, kind: MarketNumberKind, locality: String = "",
    area: String = "", addressRequirement: AddressRequirement? = AddressRequirement.none
  ) {
    self.e164 = e164
    self.country = country
    self.kind = kind
    self.locality = locality
    self.area = area
    self.addressRequirement = addressRequirement
  }
}

/// One purchase: which number, and by which name it is found again.
package struct PurchaseOrder: Sendable, Hashable {
  package var e164: E164
  /// What the carrier calls the number from the moment it is bought. It holds an id of ours.
  package var name: String
  /// The carrier's address of the buyer, and the bundle of papers; empty where none is given.
  package var addressSID: String
  package var bundleSID: String

  package init(e164: E164, name: String, addressSID: String = "", bundleSID: String = "") {
    self.e164 = e164
    self.name = name
    self.addressSID = addressSID
    self.bundleSID = bundleSID
  }
}

/// What the account has of an order's number.
package enum PurchaseSight: Sendable, Hashable {
  /// It was bought by this order.
  case bought(CarrierNumber)
  /// The account has the number under another name.
  case othersBought
  case absent
}

/// Where numbers are bought and given back, as a port. The Twilio adapter implements it, and the
/// fake in TestKit. It keeps the rules of ``Carrier`` for hosts, cancellation and executors.
package protocol NumberMarket: Sendable {
  /// Numbers for sale that can take voice calls, in the carrier's order. None where the carrier
  /// sells nothing of that country or kind. Only reads.
  func search(
    _ search: NumberSearch, _ access: CarrierAccess
  ) async throws(CarrierError) -> [MarketNumber]

  /// Buys. An implementation sends it again by itself only where it was certainly not carried out;
  /// an error whose effect is `.unknown` may have bought.
  func buy(
    _ order: PurchaseOrder, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber

  /// Looks for what an order may have bought. Only reads.
  func find(
    _ order: PurchaseOrder, _ access: CarrierAccess
  ) async throws(CarrierError) -> PurchaseSight

  /// Gives a number up for good; one that the account does not have is fine, so that it may be
  /// repeated.
  func release(_ sid: CarrierNumberSID, _ access: CarrierAccess) async throws(CarrierError)

  /// The sub-account of that name, made when there is none. `access` needs an Auth Token. It may be
  /// repeated: of several of one name everybody is given the same.
  func subAccount(
    named name: String, _ access: CarrierAccess
  ) async throws(CarrierError) -> SubAccount

  /// Moves a number of a sub-account to the account of `access`, under this name; one that the
  /// sub-account does not have is fine, so that it may be repeated.
  func quarantine(
    _ sid: CarrierNumberSID, name: String, of account: AccountSID, _ access: CarrierAccess
  ) async throws(CarrierError)
}

/// A market that sells nothing, for a registry without one.
package struct ClosedMarket: NumberMarket {
  private static let closed = CarrierError(
    .notPermitted, effect: .beforeSend, message: "Numbers are not sold here.")

  package init() {}

  package func search(
    _ search: NumberSearch, _ access: CarrierAccess
  ) async throws(CarrierError) -> [MarketNumber] { throw Self.closed }

  package func buy(
    _ order: PurchaseOrder, _ access: CarrierAccess
  ) async throws(CarrierError) -> CarrierNumber { throw Self.closed }

  package func find(
    _ order: PurchaseOrder, _ access: CarrierAccess
  ) async throws(CarrierError) -> PurchaseSight { throw Self.closed }

  package func release(
    _ sid: CarrierNumberSID, _ access: CarrierAccess
  ) async throws(CarrierError) { throw Self.closed }

  package func subAccount(
    named name: String, _ access: CarrierAccess
  ) async throws(CarrierError) -> SubAccount { throw Self.closed }

  package func quarantine(
    _ sid: CarrierNumberSID, name: String, of account: AccountSID, _ access: CarrierAccess
  ) async throws(CarrierError) { throw Self.closed }
}
