import Access
import Registry
import Telephony
import TestKit
import Testing

@testable import StoreSQL

struct RouteDocumentTests {
  private func number(_ change: (inout PhoneNumber) -> Void = { _ in }) throws -> NumberRoute {
    var number = try Sample.number(1, provider: Sample.provider(1, region: .au1))
    number.former = FormerSettings(
      voice: Sample.voice, processingRegion: nil, recordedTime: Sample.start)
    change(&number)
    return NumberRoute(number)
  }

  @Test func everyKindComesBackWhole() throws {
    let entries: [(RouteDocument.Kind, RouteEntry)] = [
      (.number, .number(try number())),
      (
        .number,
        .number(
          try number {
            $0.agentID = try? Sample.agentID(3)
            $0.supportsInbound = false
            $0.unassignedPolicy = .formerURL
            $0.webhookGeneration = .max
            $0.state = .corrupted
          })
      ),
      (.number, .number(NumberRoute(try Sample.number(2, provider: Sample.provider(1))))),
      (.provider, .provider(ProviderRoute(Sample.provider(2)))),
      (.agent, .agent(AgentRoute(try Sample.agent(1)))),
      (.token, .token(try #require(Sample.token(1).grant))),
    ]
    for (kind, entry) in entries {
      #expect(try RouteDocument.decode(kind, RouteDocument.encode(entry)) == entry)
    }
  }

  @Test func whatIsNoRouteIsRefused() throws {
    var moving = try number()
    moving.pendingProviderID = Sample.provider(2).id
    let pending = RouteDocument.encode(.number(moving))
    #expect(try RouteDocument.decode(.number, pending) == .number(moving))
    let whole = RouteDocument.encode(.number(try number()))
    for count in 0..<whole.count {
      #expect(throws: RouteDocument.Damaged.self) {
        _ = try RouteDocument.decode(.number, Array(whole.prefix(count)))
      }
    }
    #expect(throws: RouteDocument.Damaged.self) {
      _ = try RouteDocument.decode(.provider, whole)
    }
  }

  /// A carrier may have any text as a former URL.
  @Test func separatorInAURLBreaksNothing() throws {
    let route = try number { $0.former?.voice.voiceURL = "https://a.test/\u{1f}b" }
    let read = try RouteDocument.decode(.number, RouteDocument.encode(.number(route)))
    guard case .number(let number) = read else { return #expect(Bool(false)) }
    #expect(number.formerVoiceURL.isEmpty)
    #expect(number.id == route.id)
  }
}

struct PortableTableTests {
  @Test func everyTableIsThereWithItsKey() {
    let tables = PortableTable.registry + PortableTable.calls
    #expect(Set(tables.map(\.name)) == SQLAllowList.tables)
    for table in tables {
      #expect(!table.key.isEmpty && Set(table.key).isSubset(of: table.columns), "\(table.name)")
    }
    let numbers = tables.first { $0.name == "phone_numbers" }
    #expect(numbers?.key == ["region", "tenant", "id"])
    #expect(
      numbers?.columns == [
        "region", "tenant", "id", "provider_id", "agent_id", "state", "version", "create_time",
        "document", "gateway_id",
      ])
  }

  @Test func digestTellsValuesTypesAndPlacesApart() throws {
    let table = try #require(PortableTable.calls.first)
    let rows: [[SQLValue]] = [
      ["a", "b"], ["ab", ""], ["", "ab"], [nil, "ab"], [.blob([97]), "b"], [.integer(97), "b"],
      ["b", "a"],
    ]
    #expect(Set(rows.map { table.digest(of: $0) }).count == rows.count)
    #expect(table.digest(of: rows[0]) == table.digest(of: rows[0]))
  }

  @Test func lineComesBackAsItWas() throws {
    var line = PortableLine()
    line.row = [nil, .integer(.min), "é\u{2028}\"", .blob([0, 255])].map { PortableLine.Cell($0) }
    line.sha256 = "00ff"
    #expect(PortableLine(line.bytes) == line)
    #expect(!line.bytes.contains(UInt8(ascii: "\n")))
    #expect(PortableLine(Array("[1]".utf8)) == nil)
  }
}

struct SQLDialectTests {
  @Test func typesAndOptionsAreTheEngines() {
    let schema = """
      CREATE TABLE t (
        a TEXT NOT NULL,
        b INT,
        c BYTES,
        PRIMARY KEY (a)
      );
      CREATE INDEX t_b ON t (b);
      """
    #expect(
      SQLDialect.postgres.statements(schema) == [
        "CREATE TABLE t ( a TEXT NOT NULL, b BIGINT, c BYTEA, PRIMARY KEY (a) )",
        "CREATE INDEX t_b ON t (b)",
      ])
    let other = SQLDialect(integer: "I", text: "T", blob: "B", tableOptions: " STRICT")
    #expect(
      other.statements(schema)[0]
        == "CREATE TABLE t ( a T NOT NULL, b I, c B, PRIMARY KEY (a) ) STRICT")
  }
}

struct ProviderDocumentTests {
  /// As the version before staged credentials wrote it.
  @Test func documentOfTheVersionBeforeIsRead() throws {
    let text = """
      {"conditions":[],"configuration":{"twilio":{"_0":{"accountSID":\
      "AC0000000000000000000000000000a001","apiKey":{"secret":{"bytes":[0,1],"keyName":"k1"},\
      "sid":"SK0000000000000000000000000000b001"}}}},"displayName":"P",\
      "id":"prv_0000000000000000000000000000d001","labels":{},"region":"us1","revision":\
      {"createTime":1,"updateTime":1,"version":3},"state":"active",\
      "tenant":"ten_00000000000000000000000000000001"}
      """
    let provider = try StoredDocument.decode(Provider.self, Array(text.utf8))
    #expect(provider.staged == nil)
    #expect(provider.previous == nil)
    // And what that version reads holds nothing more.
    #expect(StoredDocument.encode(provider) == Array(text.utf8))
  }

  @Test func stagedAndPreviousComeBackWhole() throws {
    var provider = Sample.provider(2)
    provider.staged = StagedCredential(
      mark: 7, apiKey: SealedAPIKey(sid: Sample.key(3), secret: Sample.sealed),
      authToken: Sample.sealed, stageTime: Sample.time(4))
    provider.staged?.use.signed(at: Sample.time(5))
    provider.staged?.use.refused(.create, at: Sample.time(6))
    #expect(try StoredDocument.decode(Provider.self, StoredDocument.encode(provider)) == provider)
    provider.staged = nil
    provider.previous = PreviousCredential(
      apiKey: nil, authToken: Sample.sealed, replaceTime: Sample.time(1),
      expireTime: Sample.time(2))
    #expect(try StoredDocument.decode(Provider.self, StoredDocument.encode(provider)) == provider)
  }
}
