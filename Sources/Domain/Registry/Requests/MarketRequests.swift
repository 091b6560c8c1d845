internal import Telephony

/// Which numbers a caller asks for.
package struct NumberCriteria: Sendable {
  package var country: String
  package var kind: Choice<MarketNumberKind>
  package var areaCode: String
  package var contains: String

  package init(
    country: String, kind: Choice<MarketNumberKind> = .unset, areaCode: String = "",
    contains: String = ""
  ) {
    self.country = country
    self.kind = kind
    self.areaCode = areaCode
    self.contains = contains
  }
}

/// What a search takes.
package struct SearchAvailablePhoneNumbers: Sendable {
  package var providerID: String
  package var criteria: NumberCriteria
  /// 0: the default.
  package var limit: Int

  package init(providerID: String, criteria: NumberCriteria, limit: Int = 0) {
    self.providerID = providerID
    self.criteria = criteria
    self.limit = limit
  }
}

/// What a purchase takes.
package struct ProvisionPhoneNumber: Sendable {
  /// Which number is bought.
  package enum Choice: Sendable {
    case unset
    case number(String)
    /// The first that the carrier offers.
    case any(NumberCriteria)
  }

  package var providerID: String
  package var choice: Choice
  package var label: String
  /// nil: yes.
  package var supportsInbound: Bool?
  /// nil: yes.
  package var supportsOutbound: Bool?
  package var labels: [String: String]
  /// Empty: nobody.
  package var agentID: String
  package var addressSID: String
  package var bundleSID: String
  /// The caller says that money is to be spent.
  package var isConfirmed: Bool
  package var requestID: String
  package var validateOnly: Bool

  package init(
    providerID: String, choice: Choice, label: String = "", supportsInbound: Bool? = nil,
    supportsOutbound: Bool? = nil, labels: [String: String] = [:], agentID: String = "",
    addressSID: String = "", bundleSID: String = "", isConfirmed: Bool = false,
    requestID: String = "", validateOnly: Bool = false
  ) {
    self.providerID = providerID
    self.choice = choice
    self.label = label
    self.supportsInbound = supportsInbound
    self.supportsOutbound = supportsOutbound
    self.labels = labels
    self.agentID = agentID
    self.addressSID = addressSID
    self.bundleSID = bundleSID
    self.isConfirmed = isConfirmed
    self.requestID = requestID
    self.validateOnly = validateOnly
  }
}

/// What giving a number up takes.
package struct ReleasePhoneNumber: Sendable {
  package var id: String
  package var etag: String
  /// The caller says so without an etag.
  package var isConfirmed: Bool
  package var requestID: String

  package init(
    id: String, etag: String = "", isConfirmed: Bool = false, requestID: String = ""
  ) {
    self.id = id
    self.etag = etag
    self.isConfirmed = isConfirmed
    self.requestID = requestID
  }
}

extension Validator {
  /// What a search takes; nil when something was refused. Fields begin with `prefix`.
  mutating func search(
    _ prefix: String, _ criteria: NumberCriteria, limit: Int = 0
  ) -> NumberSearch? {
    let country = CountryCode(criteria.country)
    if criteria.country.isEmpty {
      refuse("\(prefix)country", .required, "The country is missing, as in \"US\".")
    } else if country == nil {
      refuse("\(prefix)country", .malformed, "A country is two capitals, as in \"US\".")
    }
    let kind = optional("\(prefix)type", criteria.kind) ?? .local
    let area = criteria.areaCode.utf8
    if !area.isEmpty, area.count != 3 || !area.allSatisfy(\.isDigit) {
      refuse("\(prefix)area_code", .malformed, "An area code is three digits.")
    }
    let pattern = criteria.contains.utf8
    if !pattern.isEmpty {
      let lengthMax = RegistryLimits.searchPatternLengthMax
      if pattern.count < 2 || pattern.count > lengthMax {
        refuse(
          "\(prefix)contains", pattern.count > lengthMax ? .tooLong : .malformed,
          "A pattern is 2 to \(lengthMax) digits, or * for any.")
      } else if !pattern.allSatisfy({ $0.isDigit || $0 == UInt8(ascii: "*") }) {
        refuse("\(prefix)contains", .malformed, "A pattern is digits, or * for any.")
      }
    }
    if limit < 0 { refuse("\(prefix)limit", .outOfRange, "A limit is not negative.") }
    guard let country else { return nil }
    let size = limit == 0 ? RegistryLimits.searchLimitDefault : limit
    return NumberSearch(
      country: country, kind: kind, areaCode: criteria.areaCode, contains: criteria.contains,
      limit: min(max(size, 1), RegistryLimits.searchLimitMax))
  }

  /// A name of the carrier's: `prefix` and 32 hex digits, or empty.
  mutating func carrierSID(_ field: String, _ text: String, prefix: String) {
    guard !text.isEmpty else { return }
    let digits = text.utf8.dropFirst(prefix.utf8.count)
    guard text.hasPrefix(prefix), digits.count == 32,
      digits.allSatisfy({ $0.isDigit || (97...102).contains($0) })
    else {
      return refuse(field, .malformed, "It must be \(prefix) and 32 hex digits.")
    }
  }
}

extension UInt8 {
  fileprivate var isDigit: Bool { (48...57).contains(self) }
}
