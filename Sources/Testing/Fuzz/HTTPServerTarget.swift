internal import Buffers
internal import CallDispatch
internal import EventLoops
internal import HTTPServer

@testable internal import Twilio

/// A whole connection of the webhook listener, over a real socket: what is a form is read as one.
final class HTTPServerTarget: Sendable {
  static let shared = HTTPServerTarget()

  private let server: WebServer

  private init() {
    // libmicrohttpd does not see an end that comes together with half a request: it takes a short
    // read for all there is. The connection then lives until its deadline.
    var configuration = WebServer.Configuration()
    configuration.headTimeout = .milliseconds(20)
    configuration.requestTimeout = .milliseconds(20)
    do throws(HTTPServerError) {
      server = try WebServer(
        loop: EventLoop(name: "fuzz"), host: "127.0.0.1", port: 0, configuration: configuration
      ) { request in
        let form = try? WebhookForm(decoding: request.body)
        let fields = form?.parameters.map(\.name) ?? request.headers.map(\.name)
        return HTTPServerResponse(
          status: form == nil ? 400 : 200, contentType: "text/plain",
          body: fields.joined(separator: " ") + (request.query ?? request.path))
      }
    } catch {
      preconditionFailure("the server does not listen: \(error)")
    }
  }

  @Sendable func run(_ input: [UInt8]) {
    guard let first = input.first else { return }
    let socket = RawSocket(connectedTo: server.port)
    let bytes = Array(input.dropFirst())
    socket.send(bytes, inPiecesOf: first == 0 ? max(bytes.count, 1) : Int(first))
    socket.waitForEnd()
  }
}
