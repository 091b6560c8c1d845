/// A bound of a server that is set by its name, as in `max-connection-age=5m`.
///
/// The table ``all`` is the one list of them: programs take `name=value`, and docs/grpc-settings.md
/// is written from it.
package struct ServerSetting: Sendable {
  typealias Path<Value> = any WritableKeyPath<ServerConfiguration, Value> & Sendable

  /// Where the value is, and which values there are.
  enum Kind: Sendable {
    case duration(Path<Duration>, ClosedRange<Duration>)
    /// Without end unless it is set.
    case endlessDuration(Path<Duration?>, ClosedRange<Duration>)
    case count(Path<Int>, ClosedRange<Int>)
    case count32(Path<UInt32>, ClosedRange<Int>)
    case level(Path<Int32>, ClosedRange<Int>)
    case size(Path<Int>, ClosedRange<Int>)
    /// The server's own choice unless it is set.
    case automaticSize(Path<Int?>, ClosedRange<Int>)
    case size32(Path<UInt32>, ClosedRange<Int>)
    case window(Path<Int32>, ClosedRange<Int>)
    case flag(Path<Bool>)
    /// Origins, as CORS knows them.
    case list(Path<[String]>)
    case compression(Path<ResponseCompression>)
  }

  package let name: String
  /// One sentence.
  package let summary: String
  let kind: Kind

  init(_ name: String, _ kind: Kind, _ summary: String) {
    self.name = name
    self.kind = kind
    self.summary = summary
  }

  /// Takes `name=value`.
  package static func apply(
    _ assignment: String, to configuration: inout ServerConfiguration
  ) throws(ServerSettingError) {
    guard let equals = assignment.firstIndex(of: "=") else {
      throw .noValue(assignment)
    }
    let name = String(assignment[..<equals])
    guard let setting = all.first(where: { $0.name == name }) else {
      throw .unknown(name, known: all.map(\.name))
    }
    let value = String(assignment[assignment.index(after: equals)...])
    guard setting.set(value, in: &configuration) else {
      throw .badValue(name, value, allowed: setting.allowed)
    }
  }

  /// Sets the value that `text` says; `false` when it is not one of ``allowed``.
  private func set(_ text: String, in configuration: inout ServerConfiguration) -> Bool {
    func number(_ value: Int?, in range: ClosedRange<Int>, _ use: (Int) -> Void) -> Bool {
      guard let value, range.contains(value) else { return false }
      use(value)
      return true
    }
    let count = SettingValue.count(text[...])
    let size = SettingValue.size(text)
    let duration = SettingValue.duration(text)
    switch kind {
    case .duration(let path, let range):
      guard let duration, range.contains(duration) else { return false }
      configuration[keyPath: path] = duration
    case .endlessDuration(let path, let range):
      let isEndless = text == SettingValue.infinite
      guard isEndless || duration.map({ range.contains($0) }) == true else { return false }
      configuration[keyPath: path] = duration
    case .count(let path, let range):
      return number(count, in: range) { configuration[keyPath: path] = $0 }
    case .count32(let path, let range):
      return number(count, in: range) { configuration[keyPath: path] = UInt32($0) }
    case .level(let path, let range):
      return number(count, in: range) { configuration[keyPath: path] = Int32($0) }
    case .size(let path, let range):
      return number(size, in: range) { configuration[keyPath: path] = $0 }
    case .automaticSize(let path, let range):
      if text == SettingValue.automatic {
        configuration[keyPath: path] = nil
        return true
      }
      return number(size, in: range) { configuration[keyPath: path] = $0 }
    case .size32(let path, let range):
      return number(size, in: range) { configuration[keyPath: path] = UInt32($0) }
    case .window(let path, let range):
      return number(size, in: range) { configuration[keyPath: path] = Int32($0) }
    case .flag(let path):
      guard text == "true" || text == "false" else { return false }
      configuration[keyPath: path] = text == "true"
    case .list(let path):
      guard let origins = SettingValue.origins(text) else { return false }
      configuration[keyPath: path] = origins
    case .compression(let path):
      guard let value = ResponseCompression(rawValue: text) else { return false }
      configuration[keyPath: path] = value
    }
    return true
  }

  /// The value in `configuration`, as it is written.
  package func value(in configuration: ServerConfiguration) -> String {
    switch kind {
    case .duration(let path, _): SettingValue.text(configuration[keyPath: path])
    case .endlessDuration(let path, _):
      configuration[keyPath: path].map { SettingValue.text($0) } ?? SettingValue.infinite
    case .count(let path, _): "\(configuration[keyPath: path])"
    case .count32(let path, _): "\(configuration[keyPath: path])"
    case .level(let path, _): "\(configuration[keyPath: path])"
    case .size(let path, _): SettingValue.text(size: configuration[keyPath: path])
    case .automaticSize(let path, _):
      configuration[keyPath: path].map { SettingValue.text(size: $0) } ?? SettingValue.automatic
    case .size32(let path, _): SettingValue.text(size: Int(configuration[keyPath: path]))
    case .window(let path, _): SettingValue.text(size: Int(configuration[keyPath: path]))
    case .flag(let path): "\(configuration[keyPath: path])"
    case .list(let path): SettingValue.text(origins: configuration[keyPath: path])
    case .compression(let path): configuration[keyPath: path].rawValue
    }
  }

  /// Which values there are, in words.
  package var allowed: String {
    switch kind {
    case .duration(_, let range):
      "\(SettingValue.text(range.lowerBound)) to \(SettingValue.text(range.upperBound))"
    case .endlessDuration(_, let range):
      "\(SettingValue.text(range.lowerBound)) to \(SettingValue.text(range.upperBound)),"
        + " or infinite"
    case .count(_, let range), .count32(_, let range), .level(_, let range):
      "\(range.lowerBound) to \(range.upperBound)"
    case .size(_, let range), .size32(_, let range), .window(_, let range):
      "\(SettingValue.text(size: range.lowerBound)) to \(SettingValue.text(size: range.upperBound))"
    case .automaticSize(_, let range):
      "\(SettingValue.text(size: range.lowerBound)) to"
        + " \(SettingValue.text(size: range.upperBound)), or automatic"
    case .flag: "true or false"
    case .list: "none, *, or a list of scheme://host"
    case .compression: ResponseCompression.allCases.map(\.rawValue).joined(separator: ", ")
    }
  }
}

/// A setting that can't be taken; whoever wrote it is at fault.
package enum ServerSettingError: Error, Hashable, Sendable, CustomStringConvertible {
  case noValue(String)
  case unknown(String, known: [String])
  case badValue(String, String, allowed: String)

  package var description: String {
    switch self {
    case .noValue(let text):
      "\"\(text)\" is not a setting: write name=value, as in max-connection-age=5m."
    case .unknown(let name, let known):
      "There is no setting \"\(name)\". There are: \(known.joined(separator: ", "))."
    case .badValue(let name, let value, let allowed):
      "\(name) can't be \"\(value)\"; it is \(allowed)."
    }
  }
}
