import Testing

@testable import StorePostgres

@Suite struct PostgresTargetTests {
  @Test func readsAURL() throws {
    let target = try PostgresTarget(
      "postgres://me:s%3Acret@db.example:6543/registry?sslmode=verify-full&sslrootcert=/ca.crt")
    #expect(target.hosts == [.init(name: "db.example", address: nil, port: "6543")])
    let values = Dictionary(
      uniqueKeysWithValues: target.parameters(host: target.hosts[0], address: "10.0.0.1").map {
        ($0.name, $0.value)
      })
    #expect(values["host"] == "db.example")
    #expect(values["hostaddr"] == "10.0.0.1")
    #expect(values["port"] == "6543")
    #expect(values["user"] == "me")
    #expect(values["password"] == "s:cret")
    #expect(values["dbname"] == "registry")
    #expect(values["sslmode"] == "verify-full")
    #expect(values["sslrootcert"] == "/ca.crt")
    #expect(values["target_session_attrs"] == "read-write")
    #expect(values["gssencmode"] == "disable")
    #expect(values["client_encoding"] == "UTF8")
    #expect(target.description == "postgres://db.example:6543/registry")
  }

  @Test func readsSeveralHosts() throws {
    let target = try PostgresTarget(
      "postgresql://a:1,b,[::1]:3/x?target_session_attrs=any&connect_timeout=7")
    #expect(
      target.hosts == [
        .init(name: "a", address: nil, port: "1"), .init(name: "b", address: nil, port: nil),
        .init(name: "::1", address: nil, port: "3"),
      ])
    #expect(target.hosts.map(\.literal) == [nil, nil, "::1"])
    #expect(target.connectTimeout == .seconds(7))
    #expect(target.parameters.contains { $0.name == "target_session_attrs" && $0.value == "any" })
    #expect(!target.parameters.contains { $0.name == "connect_timeout" })
  }

  @Test func readsPairsAndUnixSockets() throws {
    let target = try PostgresTarget("host=/run/postgresql,b hostaddr=,10.0.0.2 port=5433")
    #expect(
      target.hosts == [
        .init(name: "/run/postgresql", address: nil, port: "5433"),
        .init(name: "b", address: "10.0.0.2", port: "5433"),
      ])
    #expect(target.hosts.map(\.isUnix) == [true, false])
    #expect(try PostgresTarget("postgres:///x").hosts == [.init()])
  }

  /// No refusal quotes what was given, since it holds the password.
  @Test(arguments: [
    "postgres://me:hunter2@[db/x", "postgres://me:hunter2@db/x?hunter2=1",
    "postgres://me:hun%zzhunter2@db/x", "hunter2", "password=hunter2 nonsense", "",
    "postgres://me:hunter2@db/x?service=s", "postgres://me:hunter2@db:99999/x",
    "postgres://me:hunter2@a,b,c/x?hostaddr=1.1.1.1,2.2.2.2",
    "postgres://me:hunter2@a,b:1,c/x?port=1,2", "postgres://me:hunter2@db/x?connect_timeout=long",
    "postgres://me:hunter2@db/x?target_session_attrs=prefer-standby", "postgres://me:hunter2@\0",
    "postgres://me:hunter2@a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q/x", "mysql://me:hunter2@db/x",
  ])
  func refusesWithoutQuoting(_ text: String) {
    let error = #expect(throws: PostgresTarget.Invalid.self) { try PostgresTarget(text) }
    let refusal = error.map { "\($0) \(String(reflecting: $0))" } ?? ""
    #expect(!refusal.contains("hunter2"))
    #expect(refusal.count > 20)
  }

  @Test func aTextWithThePasswordIsNotShown() throws {
    let target = try PostgresTarget("postgres://me:hunter2@db/x")
    #expect(target.redacted("no such user me") == "no such user me")
    #expect(!target.redacted("bad hunter2").contains("hunter2"))
    #expect(!"\(target)".contains("hunter2"))
    #expect(try PostgresTarget("postgres://db/x").redacted("a") == "a")
  }
}
