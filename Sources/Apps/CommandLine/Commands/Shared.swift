internal import API
internal import Protobuf
internal import WellKnown

typealias V1 = Trunkline.V1

/// Options that every command has.
enum Global {
  static let server: Option<HostPort> = .value(
    "server", .address, default: "127.0.0.1:50051", letter: "s", environment: "TRUNKLINE_SERVER",
    "Where trunklined listens.")
  static let output: Option<OutputFormat> = .value(
    "output", .choice(["table": .table, "json": .json]), default: "table", letter: "o",
    environment: "TRUNKLINE_OUTPUT",
    "Tables for people, or proto3 JSON for programs: one object on a line.")
  static let timeout: Option<Duration?> = .optional(
    "timeout", .duration(in: .milliseconds(1) ... .seconds(86_400)),
    environment: "TRUNKLINE_TIMEOUT",
    "How long the command may take. Without it as long as the server needs.")
  static let token: Option<String?> = .optional(
    "token", .text("TOKEN"), environment: "TRUNKLINE_TOKEN",
    "The API token, trk_…. Others on this machine can see a command line: --token-file and the "
      + "environment keep it from them.")
  static let tokenFile: Option<String?> = .optional(
    "token-file", .text("PATH"), environment: "TRUNKLINE_TOKEN_FILE",
    "The file with the API token; - is the standard input.")
  static let isTLS: Option<Bool> = .flag(
    "tls", environment: "TRUNKLINE_TLS", "Speak TLS, and trust the system's authorities.")
  static let tlsAuthorities: Option<String?> = .optional(
    "tls-ca", .text("PATH"), environment: "TRUNKLINE_TLS_CA",
    "Speak TLS, and trust the authorities in this file (PEM) instead.")
  static let tlsCertificate: Option<String?> = .optional(
    "tls-cert", .text("PATH"), environment: "TRUNKLINE_TLS_CERT",
    "Speak TLS, and show this certificate (PEM).")
  static let tlsKey: Option<String?> = .optional(
    "tls-key", .text("PATH"), environment: "TRUNKLINE_TLS_KEY", "The certificate's key (PEM).")
  static let isInsecure: Option<Bool> = .flag(
    "insecure", environment: "TRUNKLINE_INSECURE",
    "Send the token without TLS to another machine, where others may read it on the way.")

  static let all: [any DeclaredOption] = [
    server, output, timeout, token, tokenFile, isTLS, tlsAuthorities, tlsCertificate, tlsKey,
    isInsecure,
  ]
}

/// Options that several commands have.
enum Shared {
  static let region: Option<V1.Region?> = .optional(
    "region", .region, "Only of this region.")
  static let type: Option<V1.ProviderType?> = .optional(
    "type", .providerType, "Only of this kind of provider.")
  static let limit: Option<Int> = .value(
    "limit", .integer("N", in: 1...100_000), default: "1000", "Show at most so many.")
  static let etag: Option<String?> = .optional(
    "etag", .text("ETAG"), "Refuse when somebody changed it since this etag was read.")
  static let requestID: Option<String?> = .optional(
    "request-id", .text("ID"),
    "Repeats an earlier request safely. Without it a new id is made.")
  static let validateOnly: Option<Bool> = .flag(
    "validate-only", "Check everything, at the carrier too, and change nothing.")
  static let name: Option<String?> = .optional("name", .anyText("TEXT"), "A name for people.")
  static let link: Option<[String]> = .list(
    "link", .text("pn_…"), "Numbers that it is to answer: free ones.")
  static let unlink: Option<[String]> = .list(
    "unlink", .text("pn_…"), "Numbers that it is to answer no more.")
  static let unlinkAll: Option<Bool> = .flag(
    "unlink", "Take its numbers from it in the same step.")
  static let labels: Option<[String: String]> = .map(
    "labels", .text("KEY"), .anyText("VALUE"), commas: true,
    "Marks of your own. An update replaces them all; an empty text removes them.")
}

extension ArgumentType where Value == V1.ProviderType {
  static let providerType = ArgumentType.choice(
    ["twilio": .twilio, "sip-trunk": .sipTrunk, "livekit": .livekit])
}

extension ArgumentType where Value == V1.Region {
  static let region = ArgumentType.choice(["us1": .us1, "ie1": .ie1, "au1": .au1])
}

extension V1.Region {
  /// `us1`; nothing for an unset one.
  var text: String { shortName(self, prefix: "REGION_") }
}

/// The name of an enum's value without its prefix, in lower case: `in_progress`.
func shortName(_ value: some ProtoEnum, prefix: String) -> String {
  guard value.rawValue != 0 else { return "" }
  guard let name = value.protoName, name.hasPrefix(prefix) else { return "(\(value.rawValue))" }
  return name.dropFirst(prefix.count).lowercased()
}

/// `key=value, key=value`, by key.
func pairs(_ map: [String: String]) -> String {
  map.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
}

extension Google.Protobuf.Timestamp {
  /// `2026-11-21T04:46:14Z`, without the fraction.
  var text: String {
    let (days, second) = seconds.quotientAndRemainder(floor: 86_400)
    // Civil date from days since 1970-01-01; years begin in March, so that a leap day is the last.
    let (era, day) = (days + 719_468).quotientAndRemainder(floor: 146_097)
    let yearOfEra = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
    let dayOfYear = day - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let dayOfMonth = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2))"
    let time = [second / 3600, second / 60 % 60, second % 60].map { padded($0, 2) }
    return "\(date)T\(time.joined(separator: ":"))Z"
  }

  private func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}

extension Int64 {
  /// Division that rounds down, for times before 1970.
  fileprivate func quotientAndRemainder(floor divisor: Int64) -> (Int64, Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}

extension Record {
  /// The conditions of a resource, a line each.
  mutating func append(conditions: [V1.Condition]) {
    for condition in conditions {
      let status = shortName(condition.status, prefix: "STATUS_")
      append("condition", "\(condition.type) \(status) \(condition.reason) \(condition.message)")
    }
  }

  /// The fields that each resource has.
  mutating func append(
    labels: [String: String], etag: String, created: Google.Protobuf.Timestamp?,
    updated: Google.Protobuf.Timestamp?
  ) {
    append("labels", pairs(labels))
    append("etag", etag)
    append("created", created?.text ?? "")
    append("updated", updated?.text ?? "")
  }
}
