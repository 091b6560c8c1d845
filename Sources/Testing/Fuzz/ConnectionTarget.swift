internal import EventLoops
internal import GRPC
internal import GRPCServices
internal import GRPCTransport

/// A whole server connection, over a real socket: health and reflection answer what the bytes ask,
/// over gRPC, gRPC-Web and Connect. After each input the server must still close a connection that
/// its peer has left.
final class ConnectionTarget: Sendable {
  static let shared = ConnectionTarget()

  private let port: UInt16
  private static let magic = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
  private static let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]

  private init() {
    let loop = EventLoop(name: "fuzz")
    let router = Router.standard(services: [], health: HealthService())
    let server = GRPCServer(router: router, loops: [loop])
    port = Blocking.value {
      guard let address = SocketAddress(literal: "127.0.0.1", port: 0),
        let bound = try? await server.listen(at: address)
      else { preconditionFailure("the server does not listen") }
      return bound.port
    }
  }

  @Sendable func run(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let socket = RawSocket(connectedTo: port)
    var bytes = Array(input.dropFirst())
    if first & 1 == 0 { bytes = Self.magic + Self.settings + bytes }
    socket.send(bytes, inPiecesOf: first & 2 == 0 ? max(bytes.count, 1) : Int(first >> 2) + 1)
    socket.waitForEnd()
  }
}
