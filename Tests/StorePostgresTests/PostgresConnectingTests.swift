import EventLoops
import StoreSQL
import TestKit
import Testing

@testable import StorePostgres

/// Hosts, TLS and passwords.
@Suite struct PostgresConnectingTests {
  /// Whether an engine with this URL serves, or why not.
  private func outcome(_ url: String) async throws -> String {
    let loop = EventLoop(name: "postgres-connecting")
    var configuration = PostgresConfiguration()
    configuration.limits.waitTimeout = .seconds(2)
    let engine = PostgresEngine(
      target: try PostgresTarget(url), configuration: configuration, loop: loop)
    let encryption = SQLStatement(
      "encryption", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    var outcome = ""
    do throws(SQLFailure) {
      let isEncrypted = try await engine.read(encryption, []).rows.first?.flag(0) ?? false
      outcome = isEncrypted ? "encrypted" : "plain"
    } catch {
      outcome = "\(error)"
    }
    await engine.close()
    loop.stop()
    return outcome
  }

  @Test func connectsByTCPUnixSocketAndName() async throws {
    let cluster = try PostgresCluster.shared()
    #expect(try await outcome(cluster.url("postgres")) == "plain")
    #expect(try await outcome(cluster.unixURL("postgres")) == "plain")
    let byName = "postgres://postgres@localhost:\(cluster.port)/postgres?sslmode=disable"
    #expect(try await outcome(byName) == "plain")
  }

  @Test func theFirstHostThatServesIsTaken() async throws {
    let cluster = try PostgresCluster.shared()
    let url =
      "postgres://postgres@127.0.0.1:1,no-such-host.invalid:1,localhost:\(cluster.port)/postgres"
    #expect(try await outcome(url + "?sslmode=disable") == "plain")
  }

  @Test func aServerThatIsNotThereIsNamed() async throws {
    let outcome = try await outcome("postgres://me:hunter2@127.0.0.1:1/postgres")
    #expect(outcome.contains("127.0.0.1"))
    #expect(outcome.contains("Connection refused"))
    #expect(!outcome.contains("hunter2"))
  }

  @Test func certificatesAreVerified() async throws {
    let cluster = try PostgresCluster.shared()
    let full = "sslmode=verify-full&sslrootcert=\(cluster.folder)/ca.crt"
    let byName = "postgres://postgres@localhost:\(cluster.port)/postgres?"
    #expect(try await outcome(byName + full) == "encrypted")
    #expect(try await outcome(cluster.url("postgres", full)) == "encrypted")

    let wrong = TestAuthority("somebody else")
    let file = cluster.folder + "/wrong-ca.crt"
    try write(wrong.certificate, to: file)
    let refusal = try await outcome(byName + "sslmode=verify-full&sslrootcert=\(file)")
    #expect(refusal.contains("certificate verify failed"), "\(refusal)")
    let missing = try await outcome(byName + "sslmode=verify-full&sslrootcert=/nowhere/ca.crt")
    #expect(missing.contains("root certificate file"), "\(missing)")
  }

  @Test func aWrongPasswordIsToldWithoutIt() async throws {
    let cluster = try PostgresCluster.shared()
    try cluster.sql("CREATE USER locked PASSWORD 'right-password'")
    let base = "127.0.0.1:\(cluster.port)/postgres?sslmode=disable"
    #expect(try await outcome("postgres://locked:right-password@" + base) == "plain")
    let refusal = try await outcome("postgres://locked:wrong-password@" + base)
    #expect(refusal.contains("password authentication failed"), "\(refusal)")
    #expect(!refusal.contains("wrong-password"))
  }
}
