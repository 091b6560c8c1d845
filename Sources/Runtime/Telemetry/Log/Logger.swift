/// Writes log lines: one JSON object each, with `time`, `level`, `message` and the given fields.
///
/// Callable from any executor; the writer it is made with must be, too. A line is at most some
/// kilobytes: texts are cut at ``textLengthMax`` and fields beyond ``fieldCountMax`` are dropped.
/// As a last guard, what is written like a phone number is masked in every text (``NumberMask``).
package struct Logger: Sendable {
  /// Bytes of one text.
  package static let textLengthMax = 1024
  /// Fields of one line.
  package static let fieldCountMax = 32

  /// Lines below it are not made.
  package let level: LogLevel
  private let fields: [(String, LogValue)]
  private let now: @Sendable () -> Int64
  private let write: @Sendable (String) -> Void

  /// `now` is the wall-clock time in microseconds since 1970; `write` takes a line without its end.
  package init(
    level: LogLevel, now: @escaping @Sendable () -> Int64,
    write: @escaping @Sendable (String) -> Void
  ) {
    self.init(level: level, fields: [], now: now, write: write)
  }

  private init(
    level: LogLevel, fields: [(String, LogValue)], now: @escaping @Sendable () -> Int64,
    write: @escaping @Sendable (String) -> Void
  ) {
    self.level = level
    self.fields = fields
    self.now = now
    self.write = write
  }

  /// A logger that writes nothing, for tests.
  package static let silent = Logger(level: .error, now: { 0 }, write: { _ in })

  /// A logger whose lines carry `fields` too.
  package func with(_ fields: KeyValuePairs<String, LogValue>) -> Logger {
    let all = self.fields + fields.map { ($0.key, $0.value) }
    return Logger(level: level, fields: all, now: now, write: write)
  }

  package func debug(_ message: String, _ fields: KeyValuePairs<String, LogValue> = [:]) {
    log(.debug, message, fields)
  }

  package func info(_ message: String, _ fields: KeyValuePairs<String, LogValue> = [:]) {
    log(.info, message, fields)
  }

  package func warning(_ message: String, _ fields: KeyValuePairs<String, LogValue> = [:]) {
    log(.warning, message, fields)
  }

  package func error(_ message: String, _ fields: KeyValuePairs<String, LogValue> = [:]) {
    log(.error, message, fields)
  }

  /// Writes a line if `level` is not below the logger's.
  package func log(
    _ level: LogLevel, _ message: String, _ fields: KeyValuePairs<String, LogValue> = [:]
  ) {
    guard level >= self.level else { return }
    log(level, message, list: fields.map { ($0.key, $0.value) })
  }

  /// The same for fields that depend on what is known.
  package func log(_ level: LogLevel, _ message: String, list fields: [(String, LogValue)]) {
    guard level >= self.level else { return }
    var line = JSONLine()
    line.add(plain: "time", LogTime.text(microseconds: now()))
    line.add(plain: "level", level.rawValue)
    line.add("message", .text(message))
    let all = self.fields + fields
    for (name, value) in all.prefix(Self.fieldCountMax) { line.add(name, value) }
    write(line.finish())
  }
}
