/// A number that nobody has and that can be bought.
struct AvailableNumber: Sendable, Hashable {
  enum Kind: String, Sendable, CaseIterable {
    case local = "Local"
    case mobile = "Mobile"
    case tollFree = "TollFree"
  }

  /// What a buyer must show.
  enum AddressRequirement: String, Sendable, CaseIterable { case none, any, local, foreign }

  let phoneNumber: String
  let country: String
  let kind: Kind
  var locality = ""
  var region = ""
  var addressRequirement = AddressRequirement.none
  var needsBundle = false

  /// Of the North American plan; nil elsewhere.
  var areaCode: String? {
    phoneNumber.hasPrefix("+1") ? String(phoneNumber.dropFirst(2).prefix(3)) : nil
  }
}

extension AvailableNumber {
  /// What the simulator has to sell at first.
  static let stock: [AvailableNumber] = {
    func twenty(
      _ prefix: String, _ country: String, _ kind: Kind, _ locality: String = "",
      _ region: String = ""
    ) -> [AvailableNumber] {
      (10..<30).map { index in
        AvailableNumber(
          phoneNumber: "\(prefix)\(index)", country: country, kind: kind, locality: locality,
          region: region)
      }
    }
    return twenty("+141555501", "US", .local, "San Francisco", "CA")
      + twenty("+151255501", "US", .local, "Austin", "TX")
      + twenty("+164655501", "US", .local, "New York", "NY")
      + twenty("+180055501", "US", .tollFree) + twenty("+141655501", "CA", .local, "Toronto", "ON")
      + twenty("+4420794601", "GB", .local, "London") + twenty("+4477009001", "GB", .mobile)
      + twenty("+353155500", "IE", .local, "Dublin") + twenty("+614915710", "AU", .mobile)
  }()
}
