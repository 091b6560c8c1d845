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
