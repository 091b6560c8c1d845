import API
import Access
import GRPC
import GRPCInProcess
import Protobuf
import Registry
import Telephony
import TestKit
import Testing
import WellKnown

@testable import Services

/// The registry's services on a memory store and a fake carrier, called as a client calls them.
struct RegistryServices {
  let store = MemoryRegistryStore()
  let carrier = FakeCarrier()
  let context: RegistryContext
  let channel: InProcessChannel
  let directory = TokenDirectory()
  let tokens: Tokens
  let diagnostics = FakeDiagnostics()

  init() {
    carrier.addKey(Sample.key(1), secret: "secret", account: Sample.account(1), region: .us1)
    context = RegistryContext(
      store: store, carrier: carrier, gateway: FakeGateway(),
      trunks: FakeTrunkCarrier(carrier), trunkCredentials: FakeTrunkCredentials(),
      sealer: FakeSealer(),
      webhooks: FakeWebhookEndpoints(), numberPlan: FakeNumberPlan(), time: ManualTime(),
      ids: CountingIDs())
    tokens = Tokens(context, directory: directory, hasher: SHA256TokenHasher())
    channel = InProcessChannel(
      router: Router(
        services: [
          ProviderServiceHandler(
            Providers(context),
            Diagnoses(context, carrier: diagnostics, publicURLs: diagnostics)),
          PhoneNumberServiceHandler(PhoneNumbers(context)), AgentServiceHandler(Agents(context)),
          RouteServiceHandler(
            feed: context.feed, store: store, sealer: FakeSealer(), tokens: tokens,
            providers: Providers(context), log: AuditLog(context), time: context.time),
        ], admission: AdmittingAll(as: .of(.main))))
  }

  var providers: Trunkline.V1.ProviderServiceClient { .init(channel: channel) }
  var numbers: Trunkline.V1.PhoneNumberServiceClient { .init(channel: channel) }
  var agents: Trunkline.V1.AgentServiceClient { .init(channel: channel) }

  func link(authToken: String? = nil) async throws -> Trunkline.V1.Provider {
    if let authToken { carrier.setToken(authToken, account: Sample.account(1), region: .us1) }
    let twilio = Trunkline.V1.Provider.Twilio(
      accountSID: Sample.account(1).description, apiKeySID: Sample.key(1).description,
      apiKeySecret: "secret", authToken: authToken)
    let provider = Trunkline.V1.Provider(region: .us1, config: .twilio(twilio))
    let answer = try await providers.createProvider(.init(provider: provider))
    return try #require(answer.provider)
  }
}

struct RegistryServicesTests {
  let services = RegistryServices()

  @Test func providerIsReadWithoutItsSecret() async throws {
    let made = try await services.link()
    let read = try #require(try await services.providers.getProvider(.init(id: made.id)).provider)
    #expect(read == made)
    guard case .twilio(let twilio) = read.config else { return #expect(Bool(false)) }
    #expect(twilio.hasApiKeySecret && !twilio.hasAuthToken)
    #expect(twilio.apiKeySecret == nil && twilio.authToken == nil)
    #expect(twilio.apiKeySID.hasPrefix("SK****"))
  }

  @Test func duplicateNamesTheProviderToUpdate() async throws {
    let made = try await services.link()
    let error = await rpcError { try await services.link() }
    #expect(error?.code == .alreadyExists)
    #expect(error?.message.contains(made.id) == true)
    let info = try #require(error?.detail(Google.Rpc.ErrorInfo.self))
    #expect(info.domain == "trunkline.dev")
    #expect(info.reason == "PROVIDER_EXISTS")
    #expect(info.metadata == ["provider_id": made.id])
    #expect(error?.detail(Google.Rpc.ResourceInfo.self)?.resourceName == made.id)
  }

  @Test func validateOnlyMakesNothingAndSaysSo() async throws {
    let twilio = Trunkline.V1.Provider.Twilio(
      accountSID: Sample.account(1).description, apiKeySID: Sample.key(1).description,
      apiKeySecret: "secret")
    let answer = try await services.providers.createProvider(
      .init(provider: .init(region: .us1, config: .twilio(twilio)), validateOnly: true))
    let provider = try #require(answer.provider)
    #expect(provider.id.isEmpty && provider.etag.isEmpty && provider.createTime == nil)
    #expect(try await services.providers.listProviders(.init()).providers.isEmpty)
  }

  @Test func badFieldsAreAllNamed() async throws {
    let error = await rpcError {
      try await services.numbers.importPhoneNumber(
        .init(providerID: "pn_1", e164: "0155", label: "a\u{0}b"))
    }
    #expect(error?.code == .invalidArgument)
    let bad = try #require(error?.detail(Google.Rpc.BadRequest.self))
    #expect(bad.fieldViolations.map(\.field) == ["provider_id", "e164", "label"])
    #expect(bad.fieldViolations.allSatisfy { !$0.reason.isEmpty && !$0.description_.isEmpty })
    #expect(error?.message.contains("provider_id") == true)
  }

  @Test func unknownEnumValueIsRefused() async throws {
    let error = await rpcError {
      try await services.providers.listProviders(.init(region: .unrecognized(9)))
    }
    #expect(error?.code == .invalidArgument)
    #expect(
      error?.detail(Google.Rpc.BadRequest.self)?.fieldViolations.map(\.field) == ["region"])
  }

  @Test func missingThingIsNotFound() async throws {
    let error = await rpcError { try await services.agents.getAgent(.init(id: "nobody")) }
    #expect(error?.code == .notFound)
    #expect(error?.detail(Google.Rpc.ErrorInfo.self)?.reason == "AGENT_NOT_FOUND")
  }

  @Test func refusedCredentialsAreAPreconditionWithTheCarriersCode() async throws {
    services.carrier.removeKey(Sample.key(1), account: Sample.account(1), region: .us1)
    let error = await rpcError { try await services.link() }
    #expect(error?.code == .failedPrecondition)
    let info = error?.detail(Google.Rpc.ErrorInfo.self)
    #expect(info?.reason == "CARRIER_REFUSED_CREDENTIALS")
    #expect(info?.metadata["carrier_code"] == "20003")
    #expect(error?.detail(Google.Rpc.PreconditionFailure.self)?.violations.count == 1)
  }

  @Test func carrierThatIsDownIsUnavailableWithRetryInfo() async throws {
    services.carrier.setOutage(CarrierError(.unavailable, effect: .unknown))
    let error = await rpcError { try await services.link() }
    #expect(error?.code == .unavailable)
    #expect(error?.detail(Google.Rpc.RetryInfo.self) != nil)
  }
}

/// The status that `body` ends with; nil when it succeeds.
func rpcError<Result>(_ body: () async throws -> Result) async -> RPCError? {
  do {
    _ = try await body()
    return nil
  } catch {
    return error as? RPCError
  }
}

extension RPCError {
  /// The first detail of that type.
  func detail<Detail: Message>(_ type: Detail.Type) -> Detail? {
    for packed in details where packed.typeURL.hasSuffix("/\(Detail.fullName)") {
      return unsafe try? Detail(serialized: packed.value.span.bytes)
    }
    return nil
  }
}
