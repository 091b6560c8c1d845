internal import GRPC

/// placeholder until dispatch lands
struct DispatchRole: Sendable {
  let services: [any Service] = []
  init(_ parts: ServerParts, registry: any Channel) async throws(ServeError) {}
  func begin() async {}
  func stop() async {}
}
