internal import EventLoops
internal import FoundationEssentials
internal import Glibc
internal import Telemetry
internal import Telephony

/// One run of the server, from its configuration to its exit code.
enum ServerProcess {
  static func run(_ configuration: ServeConfiguration) async -> Int32 {
    let log = Logger(
      level: configuration.logLevel, now: { WallClock.microseconds() },
      write: { StandardError.write(line: $0) })
    // What is stored belongs to this user alone.
    _ = umask(0o077)
    let count = configuration.loopCount ?? min(Processors.usableCount, 256)
    let loops = (0..<count).map { EventLoop(name: "loop \($0)", busyPoll: configuration.busyPoll) }
    defer { for loop in loops { loop.stop() } }
    do throws(ServeError) {
      try prepare(folder: configuration.dataFolder)
      let parts = try await ServerParts(configuration, loops: loops, log: log)
      try await parts.serve()
      log.info("stopped")
      return 0
    } catch {
      log.error("can't serve", ["error": LogValue(error)])
      return 70
    }
  }

  /// Makes the folder for the database and the keyring, for the owner only.
  private static func prepare(folder: String) throws(ServeError) {
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    } catch {
      throw .dataFolder(path: folder, reason: "\((error as? CocoaError)?.code.rawValue ?? 0)")
    }
  }
}
