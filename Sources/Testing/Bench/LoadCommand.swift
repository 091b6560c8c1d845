internal import Buffers
internal import EventLoops
internal import GRPC
internal import GRPCTransport
internal import Protobuf

/// `Bench load`: one unary method, called with the messages of a file, and how long the answers
/// took.
///
/// Each connection has so many callers, who ask one after the other; a caller begins at a place of
/// its own in the file and goes round. With `--rate` all together make so many calls a second, else
/// as many as they can. It prints one line of JSON.
struct LoadCommand {
  static let usage = """
    Bench load --target ADDRESS --path /SERVICE/METHOD --messages FILE [--token TOKEN]
      [--connections N] [--callers N] [--seconds N] [--rate CALLS-PER-SECOND]
    FILE holds messages, each behind its length as 4 bytes, the highest first.
    """

  private static let fileSizeMax = 256 << 20
  private var target: ChannelTarget?
  private var method: MethodDescriptor?
  private var messages: [RawMessage] = []
  private var options = CallOptions()
  private var connectionCount = 8
  private var callerCount = 1
  private var seconds = 5
  private var rate = 0

  /// `nil` if the arguments are malformed.
  init?(_ arguments: ArraySlice<String>) {
    var arguments = arguments
    while let flag = arguments.popFirst() {
      guard let value = arguments.popFirst(), read(flag, value) else { return nil }
    }
    guard target != nil, method != nil, !messages.isEmpty, connectionCount > 0, callerCount > 0,
      seconds > 0
    else { return nil }
    options.waitForReady = true
    options.timeout = .seconds(30)
  }

  private mutating func read(_ flag: String, _ value: String) -> Bool {
    switch flag {
    case "--target":
      target = try? ChannelTarget(parsing: value)
      return target != nil
    case "--path":
      let parts = value.split(separator: "/").map(String.init)
      guard parts.count == 2 else { return false }
      method = MethodDescriptor(service: parts[0], method: parts[1], kind: .unary)
      return true
    case "--messages":
      guard let bytes = SmallFile.read(path: value, byteCountMax: Self.fileSizeMax) else {
        return false
      }
      return take(bytes)
    case "--token":
      options.metadata["authorization"] = "Bearer \(value)"
      return true
    default: break
    }
    guard let number = Int(value), number >= 0 else { return false }
    switch flag {
    case "--connections": connectionCount = number
    case "--callers": callerCount = number
    case "--seconds": seconds = number
    case "--rate": rate = number
    default: return false
    }
    return true
  }

  private mutating func take(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while rest.count >= 4 {
      let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
      guard rest.count >= 4 + length else { return false }
      messages.append(RawMessage(bytes: Array(rest.dropFirst(4).prefix(length))))
      rest = rest.dropFirst(4 + length)
    }
    return rest.isEmpty
  }

  func run() async {
    guard let target, let method else { return }
    let group = EventLoopGroup(name: "load", count: min(connectionCount, 2))
    let channels = (0..<connectionCount).map {
      GRPCChannel(target: target, loop: group.loops[$0 % group.loops.count])
    }
    let count = connectionCount * callerCount
    let start = ContinuousClock.now
    let found = await withTaskGroup(of: Measured.self) { tasks in
      for index in 0..<count {
        let loop = group.loops[index % connectionCount % group.loops.count]
        tasks.addTask(executorPreference: loop) {
          await call(method, on: channels[index % connectionCount], loop, index, of: count)
        }
      }
      return await tasks.reduce(into: Measured()) { $0.add($1) }
    }
    let time = start.duration(to: .now)
    for channel in channels { await channel.close() }
    group.stop()
    _ = StandardOutput.write(found.json(over: time) + "\n")
  }

  /// One caller.
  private func call(
    _ method: MethodDescriptor, on channel: GRPCChannel, _ loop: EventLoop, _ index: Int,
    of count: Int
  ) async -> Measured {
    var found = Measured()
    var next = messages.count / count * index
    let clock = ContinuousClock()
    let end = clock.now.advanced(by: .seconds(seconds))
    let interval = rate > 0 ? Duration.seconds(1) * count / rate : .zero
    // Spread over the interval, so that not all ask at once.
    var due = clock.now.advanced(by: interval * index / count)
    while true {
      if rate > 0 {
        let wait = clock.now.duration(to: due)
        if wait > .zero { try? await loop.sleep(for: wait) }
        due = due.advanced(by: interval)
      }
      let begun = clock.now
      guard begun < end else { return found }
      do throws(RPCError) {
        let answer: RawMessage = try await channel.unary(
          method, messages[next], options: options)
        found.answered(answer.bytes.count, in: begun.duration(to: clock.now))
      } catch {
        found.failures["\(error.code)", default: 0] += 1
      }
      next = (next + 1) % messages.count
    }
  }
}

/// Bytes as they are: what is measured is the server, not this program's own coding.
private struct RawMessage: Message {
  static let fullName = "trunkline.testing.Raw"
  var bytes: [UInt8] = []

  init() {}

  init(bytes: [UInt8]) { self.bytes = bytes }

  init(serialized bytes: RawSpan, limits: DecodingLimits) throws(DecodingError) {
    var writer = ByteWriter(capacity: bytes.byteCount)
    writer.append(bytes)
    self.bytes = writer.array()
  }

  var serializedSize: Int { bytes.count }

  func serialize(into writer: inout ByteWriter) { writer.append(bytes) }
}
