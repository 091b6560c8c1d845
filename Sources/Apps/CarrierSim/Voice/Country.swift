/// A country as far as dialling permissions and prices need it: a few, and not all of the world.
struct Country: Sendable, Hashable {
  let iso: String
  let name: String
  let continent: String
  /// As dialled behind the plus.
  let codes: [String]
  /// Of a minute, in US dollars.
  let outboundPrice: String
  let inboundPrice: String
  /// Beginnings of numbers that cost much, as dialled behind the plus.
  let highRiskPrefixes: [String]

  init(
    _ iso: String, _ name: String, _ continent: String, _ codes: [String], _ outbound: String,
    _ inbound: String, highRisk: [String] = []
  ) {
    self.iso = iso
    self.name = name
    self.continent = continent
    self.codes = codes
    outboundPrice = outbound
    inboundPrice = inbound
    highRiskPrefixes = highRisk
  }

  static let all: [Country] = [
    Country("AU", "Australia", "OCEANIA", ["61"], "0.0252", "0.0100"),
    Country("BR", "Brazil", "SOUTH_AMERICA", ["55"], "0.0456", "0.0100"),
    Country("CA", "Canada", "NORTH_AMERICA", ["1"], "0.0140", "0.0085"),
    Country("CU", "Cuba", "NORTH_AMERICA", ["53"], "0.9500", "0.0100", highRisk: ["535"]),
    Country("DE", "Germany", "EUROPE", ["49"], "0.0150", "0.0100", highRisk: ["49137"]),
    Country(
      "DO", "Dominican Republic", "NORTH_AMERICA", ["1809", "1829", "1849"], "0.0940", "0.0100"),
    Country("FR", "France", "EUROPE", ["33"], "0.0150", "0.0100", highRisk: ["3389"]),
    Country("GB", "United Kingdom", "EUROPE", ["44"], "0.0158", "0.0100", highRisk: ["4470"]),
    Country("IE", "Ireland", "EUROPE", ["353"], "0.0180", "0.0100"),
    Country("IN", "India", "ASIA", ["91"], "0.0405", "0.0100"),
    Country("JM", "Jamaica", "NORTH_AMERICA", ["1876", "1658"], "0.1950", "0.0100"),
    Country("JP", "Japan", "ASIA", ["81"], "0.0746", "0.0100"),
    Country("LV", "Latvia", "EUROPE", ["371"], "0.3100", "0.0100", highRisk: ["37181", "37190"]),
    Country("MX", "Mexico", "NORTH_AMERICA", ["52"], "0.0165", "0.0100"),
    Country("NZ", "New Zealand", "OCEANIA", ["64"], "0.0190", "0.0100"),
    Country("US", "United States", "NORTH_AMERICA", ["1"], "0.0140", "0.0085"),
  ]

  static func named(_ iso: String) -> Country? { all.first { $0.iso == iso.uppercased() } }

  /// Whose number it is, in E.164; nil for a country that is not in the table.
  static func of(_ number: String) -> Country? {
    let digits = number.drop { $0 == "+" }
    let matches = all.flatMap { country in
      country.codes.filter { digits.hasPrefix($0) }.map { (country: country, code: $0) }
    }
    guard let best = matches.max(by: { $0.code.utf8.count < $1.code.utf8.count }) else {
      return nil
    }
    guard best.code == "1" else { return best.country }
    return named(canadianAreas.contains(String(digits.dropFirst().prefix(3))) ? "CA" : "US")
  }

  /// Of the North American plan, those that are Canada's.
  private static let canadianAreas: Set<String> = [
    "204", "226", "236", "249", "250", "263", "289", "306", "343", "354", "365", "367", "368",
    "382", "403", "416", "418", "428", "431", "437", "438", "450", "460", "468", "474", "506",
    "514", "519", "548", "579", "581", "584", "587", "604", "613", "639", "647", "672", "683",
    "705", "709", "742", "753", "778", "780", "782", "807", "819", "825", "867", "873", "879",
    "902", "905", "942",
  ]
}

/// Which numbers of a country an account may call.
struct DialingPermission: Sendable, Hashable {
  var lowRisk: Bool
  var highRiskSpecial = false
  var highRiskTollFraud = false
}
