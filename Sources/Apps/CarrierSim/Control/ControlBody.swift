internal import Telephony

/// Why the control API refuses a request.
struct ControlError: Error, Sendable, Hashable {
  var status: Int
  var message: String

  init(_ status: Int, _ message: String) {
    self.status = status
    self.message = message
  }

  static func bad(_ message: String) -> ControlError { ControlError(400, message) }
  static func missing(_ what: String) -> ControlError { ControlError(404, "\(what) is not here.") }
  static func full(_ what: String, _ limit: Int) -> ControlError {
    ControlError(409, "There are \(limit) \(what); more are not kept.")
  }

  var answer: SimulatorAnswer { SimulatorAnswer(status, ["error": .string(message)]) }
}

/// The members of a control request's JSON, with their types checked.
struct ControlBody: Sendable {
  private let members: [String: JSON]

  /// Refuses members that are not in `known`.
  init(_ json: JSON, _ known: [String]) throws(ControlError) {
    guard let members = json.members else { throw .bad("A JSON object is expected.") }
    for member in members where !known.contains(member.name) {
      throw .bad("\(member.name) is unknown; known are \(known.joined(separator: ", ")).")
    }
    self.members = Dictionary(members.map { ($0.name, $0.value) }) { first, _ in first }
  }

  /// An empty body has no members.
  init(_ request: SimulatorRequest, _ known: [String]) throws(ControlError) {
    if request.body.isEmpty {
      try self.init(JSON.object([]), known)
      return
    }
    guard let json = JSON(parsing: request.body) else { throw .bad("The body is not JSON.") }
    try self.init(json, known)
  }

  /// The member, unless it is absent or null.
  func json(_ name: String) -> JSON? {
    members[name].flatMap { $0 == .null ? nil : $0 }
  }

  func has(_ name: String) -> Bool { members[name] != nil }

  func text(_ name: String) throws(ControlError) -> String? {
    guard let value = json(name) else { return nil }
    guard let text = value.string else { throw .bad("\(name) is not text.") }
    return text
  }

  func text(required name: String) throws(ControlError) -> String {
    guard let text = try text(name), !text.isEmpty else { throw .bad("\(name) is missing.") }
    return text
  }

  func integer(
    _ name: String, in range: ClosedRange<Int> = 0...1_000_000_000
  ) throws(ControlError) -> Int? {
    guard let value = json(name) else { return nil }
    guard let number = value.integer, range.contains(number) else {
      throw .bad(
        "\(name) is not a whole number from \(range.lowerBound) to \(range.upperBound).")
    }
    return number
  }

  func number(_ name: String) throws(ControlError) -> Double? {
    switch json(name) {
    case nil: return nil
    case .integer(let number) where number >= 0: return Double(number)
    case .double(let number) where number >= 0: return number
    default: throw .bad("\(name) is not a number from 0.")
    }
  }

  func flag(_ name: String) throws(ControlError) -> Bool? {
    switch json(name) {
    case nil: return nil
    case .bool(let value): return value
    default: throw .bad("\(name) is not true or false.")
    }
  }

  func milliseconds(_ name: String) throws(ControlError) -> Duration? {
    try integer(name).map { .milliseconds($0) }
  }

  func texts(_ name: String) throws(ControlError) -> [String]? {
    guard let value = json(name) else { return nil }
    guard let values = value.array else { throw .bad("\(name) is not a list.") }
    var texts: [String] = []
    for value in values {
      guard let text = value.string else { throw .bad("\(name) holds something else than text.") }
      texts.append(text)
    }
    return texts
  }

  func word<Word>(_ name: String, _ type: Word.Type) throws(ControlError) -> Word?
  where Word: RawRepresentable<String> & CaseIterable {
    guard let text = try text(name) else { return nil }
    guard let word = Word(rawValue: text) else {
      let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
      throw .bad("\(name) is none of \(words).")
    }
    return word
  }

  func region(required name: String) throws(ControlError) -> Region {
    guard let region = try word(name, Region.self) else { throw .bad("\(name) is missing.") }
    return region
  }

  /// An object with one member per region.
  func byRegion(
    _ name: String, _ known: [String]
  ) throws(ControlError) -> [(Region, ControlBody)] {
    guard let value = json(name) else { return [] }
    guard let members = value.members else { throw .bad("\(name) is not an object.") }
    var bodies: [(Region, ControlBody)] = []
    for member in members {
      guard let region = Region(rawValue: member.name) else {
        throw .bad("\(member.name) is no region.")
      }
      bodies.append((region, try ControlBody(member.value, known)))
    }
    return bodies
  }
}
