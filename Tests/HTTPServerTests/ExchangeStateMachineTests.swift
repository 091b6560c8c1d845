import Testing

@testable import HTTPServer

@Suite struct ExchangeStateMachineTests {
  private let limits = {
    var limits = WebServer.Configuration()
    limits.bodyBytesMax = 4
    limits.headerCountMax = 2
    return limits
  }()

  private func head(_ headers: (String, String)...) -> HTTPServerRequest {
    HTTPServerRequest(
      method: "POST", target: "", headers: headers.map { .init($0.0, $0.1) }, peerAddress: "::1")
  }

  @Test func oneRequestAfterTheOther() {
    var machine = ExchangeStateMachine()
    #expect(!machine.isActive)
    for body in [[UInt8](), [1, 2, 3, 4]] {
      machine.begun(target: "/a?b")
      #expect(machine.awaitsHead && machine.isActive && !machine.isHandling)
      #expect(machine.headCame(head(("A", "1")), limits: limits) == .readOn)
      #expect(!machine.awaitsHead)
      for byte in body { #expect(machine.bodyCame([byte], limits: limits) == .readOn) }
      #expect(machine.expired() == .cutConnection)
      var request = head(("A", "1"))
      request.target = "/a?b"
      request.body = body
      #expect(machine.continued() == .handle(request))
      #expect(machine.isHandling)
      #expect(machine.expired() == .abandonHandler)
      let response = HTTPServerResponse(status: 204)
      let isAwaited = machine.handlerEnded(response)
      #expect(isAwaited)
      // A handler that was abandoned ends too, later.
      let isAwaitedAgain = machine.handlerEnded(HTTPServerResponse(status: 200))
      #expect(!isAwaitedAgain)
      #expect(machine.continued() == .answer(response))
      #expect(machine.expired() == .cutConnection)
      machine.completed()
      #expect(!machine.isActive)
    }
  }

  @Test func refusesAtTheHead() {
    let refusals: [(HTTPServerRequest, Int)] = [
      (head(("a", "1"), ("b", "1"), ("c", "1")), 431), (head(("content-length", "5")), 413),
      (head(("Content-Length", "x")), 400), (head(("Content-Length", "")), 400),
      (head(("Content-Length", "99999999999999999999")), 400),
      (head(("Content-Length", "1"), ("Transfer-Encoding", "chunked")), 400),
      (head(("Transfer-Encoding", "identity")), 501),
    ]
    for (head, status) in refusals {
      var machine = ExchangeStateMachine()
      machine.begun(target: "/")
      let action = machine.headCame(head, limits: limits)
      #expect(action == .answer(HTTPServerResponse(status: status)))
      #expect(!machine.isHandling)
    }
    var machine = ExchangeStateMachine()
    machine.begun(target: "/")
    #expect(machine.headCame(head(("TRANSFER-ENCODING", "Chunked")), limits: limits) == .readOn)
  }

  @Test func closesOverALongBodyAndOnDemand() {
    var machine = ExchangeStateMachine()
    machine.begun(target: "/")
    #expect(machine.headCame(head(), limits: limits) == .readOn)
    #expect(machine.bodyCame([1, 2, 3], limits: limits) == .readOn)
    #expect(machine.bodyCame([4, 5], limits: limits) == .close)
    #expect(machine.continued() == .close)

    machine = ExchangeStateMachine()
    machine.begun(target: "/")
    #expect(machine.headCame(head(), limits: limits) == .readOn)
    _ = machine.continued()
    _ = machine.handlerEnded(.dropConnection)
    #expect(machine.continued() == .close)
  }

  @Test func whatComesOutOfTurnClosesTheConnection() {
    var machine = ExchangeStateMachine()
    #expect(machine.headCame(head(), limits: limits) == .close)
    #expect(machine.bodyCame([1], limits: limits) == .close)
    #expect(machine.continued() == .close)
    let isAwaited = machine.handlerEnded(HTTPServerResponse(status: 200))
    #expect(!isAwaited)
  }
}
