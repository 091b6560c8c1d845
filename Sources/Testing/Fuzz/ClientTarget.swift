internal import EventLoops
internal import GRPC
internal import GRPCTransport
internal import Synchronization
internal import TestAPI

/// A whole client connection: the server that it calls answers with the input's bytes. Whatever
/// they are, the call ends, with a status.
final class ClientTarget: Sendable {
  static let shared = ClientTarget()
  private typealias V1 = Trunkline.Testing.V1

  private let listener: Mutex<RawSocket>
  private let port: UInt16
  private let loop = EventLoop(name: "fuzz")
  private static let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
  /// How often one call may connect; it retries what the server has not processed.
  private static let connectionsMax = 100

  private init() {
    let socket = RawSocket.listening()
    port = socket.port
    listener = Mutex(socket)
  }

  @Sendable func run(_ input: [UInt8]) {
    guard let first = input.first else { return }
    var bytes = Array(input.dropFirst())
    if first & 1 == 0 { bytes = Self.settings + bytes }
    let piece = first & 4 == 0 ? max(bytes.count, 1) : Int(first >> 3) + 1
    let channel = GRPCChannel(host: "127.0.0.1", port: port, loop: loop)
    let isOver = EventFlag()
    let streams = first & 2 != 0
    Blocking.begin {
      await Self.call(channel, streams: streams)
      await channel.close()
      isOver.raise()
    }
    listener.withLock { listener in
      var count = 0
      while let connection = listener.accepted(or: isOver) {
        count += 1
        precondition(count <= Self.connectionsMax, "a call connects without end")
        connection.send(bytes, inPiecesOf: piece)
        connection.waitForEnd()
      }
    }
  }

  private static func call(_ channel: GRPCChannel, streams: Bool) async {
    let client = V1.EchoServiceClient(channel: channel)
    do throws(RPCError) {
      guard streams else {
        _ = try await client.echo(V1.EchoRequest(text: "hello"))
        return
      }
      try await client.converse { (requests, responses) async throws(RPCError) in
        try await requests.write(V1.ConverseRequest(text: "hello"))
        while try await responses.next() != nil {}
      }
    } catch {
      precondition(error.code != .ok, "a call fails with OK")
    }
  }
}
