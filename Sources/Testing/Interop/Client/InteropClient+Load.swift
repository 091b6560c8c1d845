internal import GRPC
internal import Protobuf
internal import TestAPI
internal import WellKnown

/// Load reports, and which server answers.
extension InteropClient {
  private typealias LoadReport = Xds.Data.Orca.V3.OrcaLoadReport

  func pickFirstUnary() async throws(RPCError) {
    let request = Testing.SimpleRequest(
      responseSize: 1, payload: Self.zeros(1), fillServerID: true)
    var servers: Set<String> = []
    for _ in 0..<100 {
      let response = try await service.unaryCall(request, options: options())
      servers.insert(response.serverID)
    }
    report.expect("the number of servers that answered", servers.count, is: 1)
    if servers.contains("") { report.fail("A response has no server_id.") }
  }

  /// Two streams fill a connection; the third one gets another (gRFC A105).
  func connectionScaling() async throws(RPCError) {
    try await service.fullDuplexCall(options: options()) { (one, first) async throws(RPCError) in
      let peer = try await peer(one, first)
      try await service.fullDuplexCall(options: options()) { (two, second) async throws(RPCError) in
        report.expect("the second call's connection", try await self.peer(two, second), is: peer)
        try await service.fullDuplexCall(options: options()) {
          (three, third) async throws(RPCError) in
          if try await self.peer(three, third) == peer {
            report.fail("The third call is on the connection of the first, \(peer).")
          }
        }
      }
    }
  }

  /// The address of a call's connection, as the server sees it.
  private func peer(
    _ requests: RequestWriter<Testing.StreamingOutputCallRequest>,
    _ responses: ResponseStream<Testing.StreamingOutputCallResponse>
  ) async throws(RPCError) -> String {
    let wanted = Testing.ResponseParameters(
      size: 1, fillPeerSocketAddress: Testing.BoolValue(value: true))
    try await requests.write(Testing.StreamingOutputCallRequest(responseParameters: [wanted]))
    let address = try await responses.next()?.peerSocketAddress ?? ""
    if address.isEmpty { report.fail("A response has no peer_socket_address.") }
    return address
  }

  func orcaPerRPC() async throws(RPCError) {
    let asked = Testing.TestOrcaReport(
      cpuUtilization: 0.8210, memoryUtilization: 0.5847, requestCost: ["cost": 3456.32],
      utilization: ["util": 0.30499])
    let answer: Response<Testing.SimpleResponse> = try await channel.unaryResponse(
      Testing.TestServiceMethods.unaryCall, Testing.SimpleRequest(orcaPerQueryReport: asked),
      options: options())
    guard let bytes = answer.trailingMetadata.binary(InteropService.loadReport) else {
      return report.fail("The trailers have no \(InteropService.loadReport).")
    }
    let got: LoadReport = try MessageCoding.response(bytes)
    report.expect("the load report", got, is: LoadReport(asked))
  }

  func orcaOutOfBand() async throws(RPCError) {
    let asked = [
      Testing.TestOrcaReport(
        cpuUtilization: 0.8210, memoryUtilization: 0.5847, utilization: ["util": 0.30499]),
      Testing.TestOrcaReport(
        cpuUtilization: 0.29309, memoryUtilization: 0.2, utilization: ["util": 0.2039]),
    ]
    let load = Xds.Service.Orca.V3.OpenRcaServiceClient(channel: channel)
    // gRPC's own clients ask for one report a second; a server may have a lower bound.
    let interval = Google.Protobuf.Duration(nanos: 100_000_000)
    try await load.streamCoreMetrics(
      Xds.Service.Orca.V3.OrcaLoadReportRequest(reportInterval: interval), options: options()
    ) { (reports) async throws(RPCError) in
      try await service.fullDuplexCall(
        options: options()
      ) { (requests, responses) async throws(RPCError) in
        for one in asked {
          try await requests.write(
            Testing.StreamingOutputCallRequest(
              responseParameters: [Testing.ResponseParameters(size: 1)], orcaOobReport: one))
          check(try await responses.next()?.payload, size: 1)
          // The deadline of the call bounds the wait.
          while let got = try await reports.next(), got != LoadReport(one) {}
        }
        try await requests.finish()
        while try await responses.next() != nil { report.fail("There is a third response.") }
      }
    }
  }
}
