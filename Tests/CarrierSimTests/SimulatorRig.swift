import EventLoops
import HTTPClient
import Registry
import Telephony
import TestKit
import Testing

@testable import CarrierSim

/// The simulator on real sockets, and a client for the adapters that ask it.
struct SimulatorRig {
  let client: WebClient
  private let addresses: JSON

  /// The wall's time, for tokens are checked by it; it jumps over the waits of repeats.
  let time = ManualTime(now: Timestamp(microseconds: WallClock.microseconds()))

  /// Lends a fresh simulator, and stops all of it afterwards.
  static func run(_ body: (SimulatorRig) async throws -> Void) async throws {
    let loop = EventLoop(name: "simulator")
    let clientLoop = EventLoop(name: "client")
    let any = CarrierSimulator.Configuration.Address(host: "127.0.0.1", port: 0)
    let configuration = CarrierSimulator.Configuration(
      regions: [:], control: any, livekit: any, seed: 1)
    let simulator = try CarrierSimulator(loop: loop, configuration: configuration)
    let client = WebClient(loop: clientLoop)
    await withTaskGroup { group in
      group.addTask { await simulator.run() }
      do {
        let addresses = try #require(JSON(parsing: Array(simulator.addresses.utf8)))
        try await body(SimulatorRig(client: client, addresses: addresses))
      } catch {
        Issue.record(error)
      }
      simulator.quit()
    }
    await client.close()
    clientLoop.stop()
    loop.stop()
  }

  private init(client: WebClient, addresses: JSON) {
    self.client = client
    self.addresses = addresses
  }

  /// Where `name` listens: `control`, `livekit` or a region.
  func url(_ name: String) -> String { addresses[name]?.string ?? "" }

  /// Asks the control API.
  @discardableResult
  func control(
    _ method: HTTPRequest.Method, _ path: String, _ body: JSON = [:]
  ) async throws -> JSON {
    let response = try await client.send(
      HTTPRequest(
        method, url("control") + path, headers: [.init("Content-Type", "application/json")],
        body: method == .get ? [] : Array(body.text.utf8)))
    #expect((200...299).contains(response.status), "\(path)")
    return JSON(parsing: response.body) ?? .null
  }

  /// The next request whose path fits does not come to a good end.
  func fault(_ kind: String, _ path: String, method: String? = nil) async throws {
    var body: [JSON.Member] = [
      .init(name: "kind", value: .string(kind)), .init(name: "path", value: .string(path)),
    ]
    if let method { body.append(.init(name: "method", value: .string(method))) }
    try await control(.post, "/faults", .object(body))
  }

  /// What is at the carrier and at LiveKit, as text.
  func inventory() async throws -> String {
    try await control(.get, "/inventory").text
  }

  /// The kind and the effect of the error that `body` ends with; nil when it ends well.
  func failure(_ body: () async throws -> Void) async throws -> CarrierError? {
    do {
      try await body()
      return nil
    } catch let error as CarrierError {
      return error
    }
  }
}
