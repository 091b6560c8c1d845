internal import GRPC
internal import WellKnown

/// grpc.reflection.v1.ServerReflection.
struct ReflectionServiceV1: Grpc.Reflection.V1.ServerReflectionProtocol {
  private typealias Request = Grpc.Reflection.V1.ServerReflectionRequest
  private typealias Response = Grpc.Reflection.V1.ServerReflectionResponse

  private let index: DescriptorIndex

  init(_ index: DescriptorIndex) { self.index = index }

  func serverReflectionInfo(
    _ requests: RequestStream<Grpc.Reflection.V1.ServerReflectionRequest>,
    responses: ResponseWriter<Grpc.Reflection.V1.ServerReflectionResponse>,
    context: ServerContext
  ) async throws(RPCError) {
    var session = ReflectionSession(index)
    while let request = try await requests.next() {
      let answer = session.answer(Self.question(request))
      try await responses.write(
        Response(
          validHost: request.host, originalRequest: request,
          messageResponse: Self.response(answer)))
    }
  }

  private static func question(_ request: Request) -> ReflectionSession.Question {
    switch request.messageRequest {
    case .fileByFilename(let name): .file(name: name)
    case .fileContainingSymbol(let symbol): .symbol(symbol)
    case .fileContainingExtension(let request):
      .extension(type: request.containingType, number: request.extensionNumber)
    case .allExtensionNumbersOfType(let type): .extensionNumbers(type: type)
    case .listServices: .services
    case nil: .unknown
    }
  }

  private static func response(
    _ answer: ReflectionSession.Answer
  ) -> Response.MessageResponse {
    switch answer {
    case .files(let files):
      .fileDescriptorResponse(
        Grpc.Reflection.V1.FileDescriptorResponse(fileDescriptorProto: files))
    case .extensionNumbers(let type, let numbers):
      .allExtensionNumbersResponse(
        Grpc.Reflection.V1.ExtensionNumberResponse(
          baseTypeName: type, extensionNumber: numbers))
    case .services(let names):
      .listServicesResponse(
        Grpc.Reflection.V1.ListServiceResponse(
          service: names.map { Grpc.Reflection.V1.ServiceResponse(name: $0) }))
    case .error(let code, let text):
      .errorResponse(
        Grpc.Reflection.V1.ErrorResponse(errorCode: code, errorMessage: text))
    }
  }
}
