package import Telephony

/// A purchase as its journal entry keeps it. What is bought, and by which name it is found again,
/// the number tells.
package struct PurchaseRecord: Sendable, Hashable, Codable {
  /// The carrier's address of the buyer, and the bundle of papers; empty where none was given.
  package let addressSID: String
  package let bundleSID: String
  /// How long a number that the carrier does not show may still come to be bought, after the answer
  /// was lost.
  package let settling: Duration
  /// Since when it is not known whether it was bought; nil: nothing was lost.
  package var unsureTime: Timestamp?
  /// When it is looked for again; nil: at once.
  package var wakeTime: Timestamp?

  package init(
    addressSID: String = "", bundleSID: String = "",
    settling: Duration = RegistryLimits.purchaseSettling
  ) {
    self.addressSID = addressSID
    self.bundleSID = bundleSID
    self.settling = settling
  }

  /// What the carrier is asked to sell for a number.
  package func order(of number: PhoneNumber) -> PurchaseOrder {
    PurchaseOrder(
      e164: number.e164, name: number.marketName, addressSID: addressSID, bundleSID: bundleSID)
  }
}

extension PhoneNumber {
  /// What a number that we buy is called at the carrier: so it is found again when the answer to
  /// its purchase is lost.
  package var marketName: String { "trunkline-\(id)" }

  /// The number is being bought: its carrier's name is made of our own id, which is nobody's else,
  /// until the carrier has named it.
  package var isAwaited: Bool { carrierSID == .awaited(id) }

  /// It was bought, and is not set up for the calls that it is to take.
  package var isUnfinished: Bool {
    purchase != nil && supportsInbound && configured == nil
  }
}

extension CarrierNumberSID {
  /// The name of a number until the carrier gives it one.
  static func awaited(_ id: PhoneNumberID) -> CarrierNumberSID {
    CarrierNumberSID(high: id.high, low: id.low)
  }
}

/// On whose account a number was bought here.
package enum NumberPurchase: String, Sendable, Hashable, Codable {
  /// On its provider's, which is the tenant's own.
  case customer
  /// On the operator's, in the tenant's sub-account.
  case platform
}
