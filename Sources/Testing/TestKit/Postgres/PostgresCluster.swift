internal import Foundation
internal import Glibc
internal import Synchronization

/// A PostgreSQL server of the tests' own, in a folder of its own: TCP on a free port of 127.0.0.1
/// and a unix socket, with and without TLS, everybody trusted.
///
/// A shell supervises it, whose standard input is a pipe from this process. However this process
/// ends, the pipe ends with it, and then the server is killed and the folder removed. `initdb`
/// refuses root, so that under root the server runs as `nobody`.
package final class PostgresCluster: Sendable {
  /// What a cluster needs was not there, or failed.
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  /// The folder with the data, the log, the unix socket and the certificates.
  package let folder: String
  /// The port of 127.0.0.1, and the suffix of the unix socket.
  package let port: Int
  private let programs: String
  private let supervisor: Mutex<Supervisor>

  /// The cluster that tests share which do no harm to it; made at first use.
  package static func shared() throws -> PostgresCluster { try sharedResult.get() }

  private static let sharedResult = Result { try PostgresCluster() }

  /// Makes and starts a cluster; `settings` are lines of postgresql.conf. Takes two seconds or so,
  /// in which the caller's thread waits.
  package init(settings: [String] = [], authority: TestAuthority = TestAuthority()) throws {
    programs = try Self.findPrograms()
    folder = "/tmp/trunkline-postgres-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o755])
    try Self.write(authority.certificate, to: folder + "/ca.crt")
    let issued = authority.issue(.server)
    try Self.write(issued.certificate, to: folder + "/server.crt")
    try Self.write(issued.key, to: folder + "/server.key")
    try Self.write(Array(settings.joined(separator: "\n").utf8), to: folder + "/settings")
    var supervisor = try Supervisor(programs: programs, folder: folder)
    let answer = try supervisor.ask("begin")
    guard let port = Int(answer) else {
      throw Failure(description: "the supervisor of PostgreSQL answered '\(answer)'")
    }
    self.port = port
    self.supervisor = Mutex(supervisor)
  }

  deinit { end() }

  /// Ends the server and removes the folder. A second call does nothing.
  package func end() { supervisor.withLock { $0.end() } }

  /// Kills the server and its children at once, as a power cut would, less what the kernel holds.
  package func kill() throws { try command("kill") }

  /// Stops it as an operator does: connections are ended, what was committed is written.
  package func stop() throws { try command("stop") }

  /// Starts it again, on the same port.
  package func start() throws { try command("start") }

  private func command(_ name: String) throws {
    let answer = try supervisor.withLock { try $0.ask(name) }
    guard answer == "done" else {
      throw Failure(description: "'\(name)' of PostgreSQL answered '\(answer)'")
    }
  }

  /// The URL of a database by TCP; `parameters` go behind the question mark.
  package func url(_ database: String, _ parameters: String = "sslmode=disable") -> String {
    "postgres://postgres@127.0.0.1:\(port)/\(database)?\(parameters)"
  }

  /// The URL of a database by the unix socket.
  package func unixURL(_ database: String) -> String {
    "postgres:///\(database)?host=\(folder)&port=\(port)&user=postgres"
  }

  /// Makes an empty database with a name of its own.
  package func makeDatabase() throws -> String {
    let name = "t" + UUID().uuidString.lowercased().filter { $0 != "-" }.prefix(12)
    try sql("CREATE DATABASE \(name)")
    return name
  }

  /// Runs SQL with psql, each statement in a transaction of its own, and answers what it prints:
  /// a line for each row.
  @discardableResult
  package func sql(_ text: String, database: String = "postgres") throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: programs + "/psql")
    process.arguments =
      ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", folder, "-p", "\(port)"]
      + ["-U", "postgres", "-d", database, "-f", "-"]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    process.standardError = output
    try process.run()
    input.fileHandleForWriting.write(Data(text.utf8))
    try input.fileHandleForWriting.close()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let text = String(decoding: bytes, as: UTF8.self)
    guard process.terminationStatus == 0 else { throw Failure(description: "psql: \(text)") }
    return text.split(separator: "\n").joined(separator: "\n")
  }

  private static func findPrograms() throws -> String {
    let folders = (14...20).reversed().map { "/usr/lib/postgresql/\($0)/bin" }
    for folder in folders + ["/usr/local/bin", "/usr/bin"]
    where FileManager.default.isExecutableFile(atPath: folder + "/initdb") {
      return folder
    }
    throw Failure(
      description: "There is no PostgreSQL server on this machine; run: scripts/deps.sh test")
  }

  private static func write(_ bytes: [UInt8], to path: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }
}

/// The shell that owns the server.
private struct Supervisor {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private let folder: String
  private var hasEnded = false

  init(programs: String, folder: String) throws {
    self.folder = folder
    // As root, the server runs as `nobody`; setpriv is part of util-linux.
    let user =
      geteuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --" : ""
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", PostgresCluster.script, "supervisor", programs, folder, user]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
  }

  /// Sends a line and waits for the line that answers it.
  mutating func ask(_ line: String) throws -> String {
    input.fileHandleForWriting.write(Data((line + "\n").utf8))
    var answer: [UInt8] = []
    while let byte = try output.fileHandleForReading.read(upToCount: 1)?.first {
      if byte == UInt8(ascii: "\n") { return String(decoding: answer, as: UTF8.self) }
      answer.append(byte)
    }
    let log = (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? ""
    throw PostgresCluster.Failure(description: "PostgreSQL did not start:\n\(log.suffix(2000))")
  }

  mutating func end() {
    guard !hasEnded else { return }
    hasEnded = true
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }
}
