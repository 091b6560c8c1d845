import EventLoops
import HTTP2
import Testing

@testable import GRPCTransport

@Suite struct ServerSettingTests {
  /// The repository's top, from this file.
  private static let top = #filePath.split(separator: "/").dropLast(4).map { "/\($0)" }.joined()

  @Test func thePageIsTheTable() throws {
    let path = Self.top + "/docs/grpc-settings.md"
    let bytes = try #require(SmallFile.read(path: path, byteCountMax: 1 << 20))
    #expect(
      String(decoding: bytes, as: UTF8.self) == ServerSetting.page,
      "run: Bench settings > docs/grpc-settings.md")
  }

  @Test func eachSettingTakesItsDefaultAndGivesItBack() throws {
    #expect(Set(ServerSetting.all.map(\.name)).count == ServerSetting.all.count)
    for setting in ServerSetting.all {
      var configuration = ServerConfiguration.defaults
      let text = setting.value(in: configuration)
      try ServerSetting.apply("\(setting.name)=\(text)", to: &configuration)
      #expect(setting.value(in: configuration) == text)
      #expect(throws: ServerSettingError.self) {
        try ServerSetting.apply("\(setting.name)=", to: &configuration)
      }
    }
  }

  @Test func valuesArriveWhereTheyBelong() throws {
    var configuration = ServerConfiguration.defaults
    for assignment in [
      "max-connection-age=90s", "keepalive-time=infinite", "max-request-size=16MiB",
      "permit-pings-without-calls=true", "stream-window=65535", "max-handlers=7",
      "response-compression=never", "goaway-wait=250ms", "max-concurrent-streams=3",
    ] {
      try ServerSetting.apply(assignment, to: &configuration)
    }
    #expect(configuration.connection.ageMax == .seconds(90))
    #expect(configuration.connection.keepaliveTime == nil)
    #expect(configuration.requestSizeMax == 16 << 20)
    #expect(configuration.connection.permitsPingsWithoutCalls)
    #expect(configuration.http2.streamWindow == 65535)
    #expect(configuration.handlersMax == 7)
    #expect(configuration.responseCompression == .never)
    #expect(configuration.connection.goAwayWait == .milliseconds(250))
    #expect(configuration.http2.concurrentStreamsMax == 3)
  }

  /// Every stored value of the configuration, by its path.
  private static func leaves(
    of value: Any, _ path: String = "", into leaves: inout [String: String]
  ) {
    let mirror = Mirror(reflecting: value)
    let isNested =
      value is ServerConfiguration || value is HTTP2Configuration
      || value is ConnectionLimits || value is FloodLimits
    guard isNested else {
      leaves[path] = "\(value)"
      return
    }
    for child in mirror.children {
      Self.leaves(of: child.value, path + "." + (child.label ?? "?"), into: &leaves)
    }
  }

  private static func leaves(of configuration: ServerConfiguration) -> [String: String] {
    var leaves: [String: String] = [:]
    Self.leaves(of: configuration, into: &leaves)
    return leaves
  }

  /// An allowed value that is not the default.
  private static func other(_ setting: ServerSetting) -> String {
    let present = setting.value(in: .defaults)
    func other(_ first: Int, _ second: Int) -> String {
      present == "\(first)" || present == SettingValue.text(size: first)
        ? "\(second)" : "\(first)"
    }
    switch setting.kind {
    case .duration, .endlessDuration: return present == "77s" ? "78s" : "77s"
    case .count(_, let range), .size(_, let range), .automaticSize(_, let range),
      .count32(_, let range), .level(_, let range), .size32(_, let range), .window(_, let range):
      return other(range.lowerBound, range.lowerBound + 1)
    case .flag: return present == "true" ? "false" : "true"
    case .list: return "https://a.example,*"
    case .compression: return present == "never" ? "always" : "never"
    }
  }

  @Test func everyBoundOfTheConfigurationHasOneRow() throws {
    let before = Self.leaves(of: .defaults)
    #expect(before.count > 60)
    var rows: [String: String] = [:]
    for setting in ServerSetting.all {
      var configuration = ServerConfiguration.defaults
      try ServerSetting.apply("\(setting.name)=\(Self.other(setting))", to: &configuration)
      let changed = Self.leaves(of: configuration).filter { before[$0.key] != $0.value }.keys
      #expect(changed.count == 1, "\(setting.name) changes \(changed.sorted())")
      for path in changed {
        #expect(rows[path] == nil, "\(path) has \(rows[path] ?? "") and \(setting.name)")
        rows[path] = setting.name
      }
    }
    #expect(Set(before.keys).subtracting(rows.keys).sorted() == [])
  }

  @Test(
    arguments: [
      ("none", []), ("*", ["*"]),
      ("https://a.example,http://b:8", ["https://a.example", "http://b:8"]),
      ("", nil), ("https://a.example,", nil), ("a.example", nil), ("https://a .example", nil),
    ] as [(String, [String]?)])
  func originsAreAListOrNone(text: String, origins: [String]?) {
    #expect(SettingValue.origins(text) == origins)
    if let origins { #expect(SettingValue.text(origins: origins) == text) }
  }

  @Test func aSizeThatFitsNoNumberIsNone() {
    #expect(SettingValue.size("999999999999TiB") == nil)
    #expect(SettingValue.size("2TiB") == 2 << 40)
  }

  @Test(arguments: [
    ("max-connection-age=5", #"max-connection-age can't be "5"; it is 1ms to 8760h, or infinite."#),
    ("compression-level=10", #"compression-level can't be "10"; it is 1 to 9."#),
    ("max-handlers=-1", #"max-handlers can't be "-1"; it is 1 to 1000000."#),
    ("max-request-size=9GiB", #"max-request-size can't be "9GiB"; it is 1 to 1GiB."#),
    (
      "permit-pings-without-calls=yes",
      #"permit-pings-without-calls can't be "yes"; it is true or false."#
    ),
    ("max-age", #""max-age" is not a setting: write name=value, as in max-connection-age=5m."#),
  ])
  func mistakesAreToldWithWhatIsAllowed(assignment: String, text: String) {
    var configuration = ServerConfiguration.defaults
    let error = #expect(throws: ServerSettingError.self) {
      try ServerSetting.apply(assignment, to: &configuration)
    }
    #expect(error?.description == text)
  }

  @Test func anUnknownNameIsToldWhichThereAre() {
    var configuration = ServerConfiguration.defaults
    let error = #expect(throws: ServerSettingError.self) {
      try ServerSetting.apply("max-conection-age=5m", to: &configuration)
    }
    let text = error?.description ?? ""
    #expect(text.hasPrefix(#"There is no setting "max-conection-age". There are: tls-handshake"#))
    #expect(ServerSetting.all.allSatisfy { text.contains($0.name) })
  }

  @Test(arguments: ["", "s", "5", "5 s", "-5s", "5.5s", "5x", "1234567890123s"])
  func whatIsNoDurationIsNone(text: String) {
    #expect(SettingValue.duration(text) == nil)
  }
}
