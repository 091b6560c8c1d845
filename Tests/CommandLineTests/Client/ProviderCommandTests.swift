import API
import CommandLine
import GRPC
import Protobuf
import Testing
import WellKnown

typealias V1 = Trunkline.V1

@Suite struct ProviderCommandTests {
  private static let stored = V1.Provider.with { provider in
    provider.id = "prv_0199f3a07c1e7d5ab0c7d42a91e0f6b3"
    provider.displayName = "Main"
    provider.region = .ie1
    provider.state = .active
    provider.etag = "e1"
    provider.labels = ["team": "sales"]
    provider.createTime = .init(seconds: 1_795_236_374, nanos: 5)
    var twilio = V1.Provider.Twilio()
    twilio.accountSID = "AC00000000000000000000000000000001"
    twilio.apiKeySID = "SK****6e2f"
    twilio.hasApiKeySecret = true
    provider.config = .twilio(twilio)
  }
  private static let create =
    "providers create --region ie1 --account-sid AC1 --api-key-sid SK1 --api-key-secret-file - "
    + "--name Main --labels team=sales"

  @Test func createsWithASecretFromTheStandardInput() async {
    let requests = Requests<V1.CreateProviderRequest>()
    let harness = CommandHarness(files: ["-": "s3cret\n"]) { router in
      router.answer(V1.ProviderServiceMethods.createProvider, requests) { _, _ in
        V1.CreateProviderResponse(provider: Self.stored)
      }
    }
    let outcome = await harness.run(Self.create)
    #expect(outcome.status == .success)
    #expect(
      outcome.output == """
        id:             prv_0199f3a07c1e7d5ab0c7d42a91e0f6b3
        name:           Main
        region:         ie1
        account:        AC00000000000000000000000000000001
        API key:        SK****6e2f
        API key secret: stored
        Auth Token:     none
        state:          active
        labels:         team=sales
        etag:           e1
        created:        2026-11-21T04:46:14Z

        """)
    let request = requests.last
    #expect(request?.requestID == "request-1")
    #expect(request?.provider?.region == .ie1)
    #expect(request?.provider?.labels == ["team": "sales"])
    guard case .twilio(let twilio) = request?.provider?.config else {
      Issue.record("no Twilio configuration")
      return
    }
    #expect(twilio.accountSID == "AC1")
    #expect(twilio.apiKeySID == "SK1")
    #expect(twilio.apiKeySecret == "s3cret")
    #expect(twilio.authToken == nil)
  }

  @Test func takesSecretsFromTheEnvironment() async throws {
    let requests = Requests<V1.CreateProviderRequest>()
    let environment = ["TRUNKLINE_AUTH_TOKEN": "t0ken", "TRUNKLINE_OUTPUT": "json"]
    let harness = CommandHarness(environment: environment) { router in
      router.answer(V1.ProviderServiceMethods.createProvider, requests) { _, _ in
        V1.CreateProviderResponse(provider: Self.stored)
      }
    }
    let outcome = await harness.run("providers create --region us1 --account-sid AC1")
    #expect(outcome.status == .success)
    #expect(try V1.CreateProviderResponse(json: outcome.output).provider == Self.stored)
    guard case .twilio(let twilio) = requests.last?.provider?.config else { return }
    #expect(twilio.authToken == "t0ken")
  }

  @Test func repeatsWithTheSameRequestIDWhileUnavailable() async {
    let requests = Requests<V1.CreateProviderRequest>()
    let harness = CommandHarness(files: ["-": "x"]) { router in
      router.answer(V1.ProviderServiceMethods.createProvider, requests) {
        (_, count) throws(RPCError) in
        if count < 3 { throw RPCError(.unavailable, "Busy.") }
        return V1.CreateProviderResponse(provider: Self.stored)
      }
    }
    #expect(await harness.run(Self.create).status == .success)
    #expect(requests.all.map(\.requestID) == ["request-1", "request-1", "request-1"])
    #expect(harness.pauses == [.milliseconds(200), .milliseconds(400)])
  }

  @Test func namesTheRequestIDWhenItGivesUp() async {
    let requests = Requests<V1.CreateProviderRequest>()
    let harness = CommandHarness(files: ["-": "x"]) { router in
      router.answer(V1.ProviderServiceMethods.createProvider, requests) {
        (_, _) throws(RPCError) -> V1.CreateProviderResponse in
        throw RPCError(
          .unavailable, "The carrier does not answer.", reason: "CARRIER_UNAVAILABLE",
          more: [Google.Rpc.RetryInfo(retryDelay: .init(seconds: 2))])
      }
    }
    let outcome = await harness.run(Self.create)
    #expect(outcome.status == .unavailable)
    #expect(
      outcome.errors == """
        error: The carrier does not answer. (UNAVAILABLE, CARRIER_UNAVAILABLE)
          The server asks to wait 2 s before trying again.
          It may have been done: --request-id request-1 repeats it safely.

        """)
    #expect(harness.pauses == [.seconds(2), .seconds(2)])
    #expect(requests.all.count == 3)
  }

  @Test func updatesWhatWasGiven() async {
    let requests = Requests<V1.UpdateProviderRequest>()
    let environment = ["TRUNKLINE_AUTH_TOKEN": "not-meant"]
    let harness = CommandHarness(environment: environment, files: ["key": "n3w"]) { router in
      router.answer(V1.ProviderServiceMethods.updateProvider, requests) { _, _ in
        V1.UpdateProviderResponse(provider: Self.stored)
      }
    }
    _ = await harness.run("providers update prv_1 --name New --etag e1")
    #expect(requests.last?.updateMask?.paths == ["display_name"])
    #expect(requests.last?.provider?.etag == "e1")
    _ = await harness.run("providers update prv_1 --api-key-sid SK2 --api-key-secret-file key")
    #expect(
      requests.last?.updateMask?.paths == ["twilio.api_key_sid", "twilio.api_key_secret"])
    _ = await harness.run("providers update prv_1 --remove-auth-token --labels=")
    #expect(requests.last?.updateMask?.paths == ["labels", "twilio.auth_token"])
    let nothing = await harness.run("providers update prv_1")
    #expect(nothing.status == .usage)
    #expect(requests.all.count == 3)
  }

  @Test func listsAllPages() async {
    let requests = Requests<V1.ListProvidersRequest>()
    let harness = CommandHarness { router in
      router.answer(V1.ProviderServiceMethods.listProviders, requests) { _, count in
        var provider = Self.stored
        provider.id = "prv_\(count)"
        return V1.ListProvidersResponse(
          providers: [provider], nextPageToken: count < 3 ? "page-\(count + 1)" : "")
      }
    }
    let all = await harness.run("providers ls --region ie1 --type twilio")
    #expect(
      all.output == """
        ID     TYPE    ACCOUNT                             REGION  STATE   NAME
        prv_1  twilio  AC00000000000000000000000000000001  ie1     active  Main
        prv_2  twilio  AC00000000000000000000000000000001  ie1     active  Main
        prv_3  twilio  AC00000000000000000000000000000001  ie1     active  Main

        """)
    #expect(requests.all.map(\.pageToken) == ["", "page-2", "page-3"])
    #expect(requests.last?.region == .ie1)
    #expect(requests.last?.type == .twilio)
  }

  @Test func stopsAtTheLimit() async {
    let requests = Requests<V1.ListProvidersRequest>()
    let harness = CommandHarness { router in
      router.answer(V1.ProviderServiceMethods.listProviders, requests) { _, _ in
        V1.ListProvidersResponse(providers: [Self.stored], nextPageToken: "more")
      }
    }
    let outcome = await harness.run("providers ls --limit 2 -o json")
    #expect(requests.all.map(\.pageSize) == [2, 1])
    #expect(outcome.errors == "There are more than 2; --limit shows more.\n")
    #expect(outcome.output.hasSuffix("\"nextPageToken\":\"more\"}\n"))
  }

  @Test(arguments: [
    ("--api-key-secret-file - --auth-token-file - --api-key-sid SK1", "Only one secret can come"),
    ("--api-key-secret-file x", "--api-key-secret-file needs --api-key-sid beside it."),
    ("--api-key-sid SK1 --api-key-secret-file x", "The file x can't be read."),
    ("--api-key-sid SK1 --api-key-secret-file empty", "The file empty is empty."),
  ])
  func refusesSecretsThatCantBe(_ options: String, _ expected: String) async {
    let harness = CommandHarness(files: ["empty": "\n"])
    let outcome = await harness.run("providers create --region us1 --account-sid AC1 \(options)")
    #expect(outcome.status == .usage)
    #expect(outcome.errors.hasPrefix("error: \(expected)"))
  }

  @Test func syncsAndTellsHowFarItIs() async {
    let (syncs, waits) = (Requests<V1.SyncProviderRequest>(), Requests<V1.WaitOperationRequest>())
    let harness = CommandHarness { router in
      router.answer(V1.ProviderServiceMethods.syncProvider, syncs) { _, _ in
        V1.SyncProviderResponse(operation: Self.operation(.running, compared: 0))
      }
      router.answer(V1.OperationServiceMethods.waitOperation, waits) { _, count in
        V1.WaitOperationResponse(
          operation: Self.operation(count < 3 ? .running : .succeeded, compared: Int64(count * 40)))
      }
    }
    let outcome = await harness.run("providers sync prv_1 --dry-run")
    #expect(outcome.status == .success)
    #expect(outcome.errors == "40 numbers compared\n80 numbers compared\n")
    #expect(outcome.output.contains("pn_7"))
    #expect(outcome.output.contains("WEBHOOK_REPLACED PROCESSING_REGION_MOVED"))
    #expect(outcome.output.contains("… and 1 more."))
    #expect((syncs.last?.dryRun, syncs.last?.requestID) == (true, "request-1"))
    #expect(waits.last?.id == "op_1")
  }

  private static func operation(
    _ state: V1.Operation.State, compared: Int64
  ) -> V1.Operation {
    V1.Operation.with { operation in
      (operation.id, operation.state) = ("op_1", state)
      var sync = V1.Operation.Sync()
      (sync.dryRun, sync.comparedCount) = (true, compared)
      if state == .succeeded {
        sync.numbers = [
          V1.Operation.Sync.Number(
            phoneNumberID: "pn_7", e164: "+15005550006",
            findings: ["WEBHOOK_REPLACED", "PROCESSING_REGION_MOVED"].map { reason in
              V1.Condition.with { $0.reason = reason }
            }, change: .marked)
        ]
        sync.numberCount = 2
      }
      operation.result = .sync(sync)
    }
  }
}
