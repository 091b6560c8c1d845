import GRPC
import GRPCInProcess
import GRPCServices
import Testing
import WellKnown

@Suite(.timeLimit(.minutes(1))) struct ReflectionTests {
  typealias Request = Grpc.Reflection.V1.ServerReflectionRequest
  typealias Answer = Grpc.Reflection.V1.ServerReflectionResponse.MessageResponse

  /// What a server without services of its own answers to `questions`, asked in turn.
  private func answers(_ questions: [Request.MessageRequest]) async throws -> [Answer?] {
    let channel = InProcessChannel(router: .standard(services: [], health: HealthService()))
    let client = Grpc.Reflection.V1.ServerReflectionClient(channel: channel)
    return try await client.serverReflectionInfo {
      (
        requests: RequestWriter<Request>,
        responses: ResponseStream<Grpc.Reflection.V1.ServerReflectionResponse>
      ) async throws(RPCError) in
      var answers: [Answer?] = []
      for question in questions {
        try await requests.write(Request(host: "h", messageRequest: question))
        let response = try await responses.next()
        #expect(response?.validHost == "h")
        answers.append(response?.messageResponse)
      }
      try await requests.finish()
      #expect(try await responses.next() == nil)
      return answers
    }
  }

  @Test func listsWhatIsServed() async throws {
    guard case .listServicesResponse(let list)? = try await answers([.listServices("")])[0]
    else { throw RPCError(.internal, "no list") }
    #expect(
      list.service.map(\.name) == [
        "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
      ])
  }

  @Test func findsFilesByNameAndSymbol() async throws {
    let found = try await answers([
      .fileByFilename("grpc/health/v1/health.proto"),
      .fileContainingSymbol("grpc.health.v1.Health"),
      .fileContainingSymbol("grpc.health.v1.Health.Check"),
      .fileContainingSymbol("grpc.health.v1.HealthCheckResponse.ServingStatus"),
      .fileContainingSymbol("grpc.health.v1.HealthCheckResponse.SERVING"),
      .fileContainingSymbol("grpc.health.v1.HealthCheckRequest.service"),
    ])
    for answer in found {
      guard case .fileDescriptorResponse(let response)? = answer else {
        throw RPCError(.internal, "no file: \(String(describing: answer))")
      }
      #expect(response.fileDescriptorProto.count == 1)
      #expect(response.fileDescriptorProto == [found.firstFile])
    }
  }

  @Test func saysWhatIsMissing() async throws {
    let found = try await answers([
      .fileByFilename("no.proto"), .fileContainingSymbol("no.Symbol"),
      .allExtensionNumbersOfType("no.Type"),
      .allExtensionNumbersOfType("grpc.health.v1.HealthCheckRequest"),
    ])
    for answer in found.prefix(3) {
      guard case .errorResponse(let error)? = answer else { throw RPCError(.internal, "no error") }
      #expect(error.errorCode == 5)
    }
    guard case .allExtensionNumbersResponse(let numbers)? = found[3] else {
      throw RPCError(.internal, "no numbers")
    }
    #expect(numbers.extensionNumber.isEmpty)
  }
}

extension [ReflectionTests.Answer?] {
  fileprivate var firstFile: [UInt8]? {
    guard case .fileDescriptorResponse(let response)?? = first else { return nil }
    return response.fileDescriptorProto.first
  }
}
