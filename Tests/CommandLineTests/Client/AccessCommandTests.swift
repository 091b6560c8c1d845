import API
import CommandLine
import GRPC
import Protobuf
import Synchronization
import Testing
import WellKnown

/// How the CLI says who it is, and its commands for tokens and the audit log.
@Suite struct AccessCommandTests {
  private static let token = "trk_0190123456787abc8def0123456789ab_secret"

  /// What `authorization` a call showed.
  private func shown(
    _ line: String, environment: [String: String] = [:], files: [String: String] = [:]
  ) async -> (String?, CommandHarness.Outcome) {
    let seen = Mutex<[String?]>([])
    let harness = CommandHarness(environment: environment, files: files) { router in
      router.unary(
        V1.AgentServiceMethods.listAgents, V1.ListAgentsRequest.self, V1.ListAgentsResponse.self
      ) { (_, context) async throws(RPCError) in
        seen.withLock { $0.append(context.metadata["authorization"]) }
        return V1.ListAgentsResponse()
      }
    }
    let outcome = await harness.run("agents ls " + line)
    return (seen.withLock { $0.first ?? "not called" }, outcome)
  }

  @Test func theTokenComesFromTheCommandLineTheEnvironmentOrAFile() async {
    let wanted = "Bearer \(Self.token)"
    #expect(await shown("").0 == nil)
    #expect(await shown("--token \(Self.token)").0 == wanted)
    #expect(await shown("", environment: ["TRUNKLINE_TOKEN": Self.token]).0 == wanted)
    #expect(await shown("--token-file t", files: ["t": Self.token + "\n"]).0 == wanted)
    #expect(
      await shown("", environment: ["TRUNKLINE_TOKEN_FILE": "t"], files: ["t": Self.token]).0
        == wanted)
    // The command line goes before the environment.
    let both = ["TRUNKLINE_TOKEN": "trk_other"]
    #expect(
      await shown("--token-file t", environment: both, files: ["t": Self.token]).0 == wanted)
    #expect(
      await shown(
        "--token \(Self.token)", environment: ["TRUNKLINE_TOKEN_FILE": "nowhere"]
      ).0 == wanted)
  }

  @Test func whatIsNoTokenIsRefusedUnquoted() async {
    for (line, files) in [
      ("--token-file t", ["t": "two words"]), ("--token-file t", ["t": "\n"]),
      ("--token-file nowhere", [:]), ("--token a --token-file t", ["t": "b"]),
    ] {
      let (seen, outcome) = await shown(line, files: files)
      #expect(seen == "not called" && outcome.status == .usage)
      #expect(!outcome.errors.contains("two words"))
    }
  }

  @Test func aTokenDoesNotTravelReadable() async {
    let (seen, outcome) = await shown("--token \(Self.token) --server registry.example:50051")
    #expect(seen == "not called" && outcome.status == .usage)
    #expect(outcome.errors.contains("--tls") && !outcome.errors.contains(Self.token))
    for more in ["--tls", "--tls-ca ca.pem", "--insecure"] {
      let (seen, _) = await shown(
        "--token \(Self.token) --server registry.example:50051 \(more)")
      #expect(seen == "Bearer \(Self.token)")
    }
    for server in ["127.0.0.1:1", "localhost:1", "[::1]:1"] {
      #expect(await shown("--token \(Self.token) --server \(server)").0 != "not called")
    }
    #expect(await shown("--token \(Self.token) --server 127.evil.example:1").0 == "not called")
    #expect(await shown("--server registry.example:50051").0 == nil)
  }

  @Test func tlsIsAskedFor() async {
    let harness = CommandHarness()
    _ = await harness.run("agents ls --tls-ca ca.pem --tls-cert c.pem --tls-key k.pem")
    #expect(harness.connection?.tls?.authorities == "ca.pem")
    #expect(harness.connection?.tls?.certificate == "c.pem")
    #expect(await harness.run("agents ls --tls-cert c.pem").status == .usage)
    _ = await harness.run("agents ls")
    #expect(harness.connection?.tls == nil)
  }

  @Test func aTokenIsMadeAndShown() async throws {
    let requests = Requests<V1.CreateTokenRequest>()
    let harness = CommandHarness { router in
      router.answer(V1.TokenServiceMethods.createToken, requests) { (request, _) in
        V1.CreateTokenResponse(
          token: V1.Token(id: "tok_1", displayName: request.displayName, scopes: request.scopes),
          tokenText: Self.token)
      }
    }
    let outcome = await harness.run(
      "tokens create --name dialler --scopes numbers:read,calls:place --expires-in 1d")
    #expect(outcome.status == .success)
    #expect(outcome.output.contains(Self.token))
    #expect(outcome.errors.contains("shown this once"))
    let request = try #require(requests.last)
    #expect(request.scopes == ["numbers:read", "calls:place"])
    #expect(request.expireTime?.seconds == 1_800_086_400)
    #expect(request.requestID == "request-1" && request.tenantID == "")
    #expect(await harness.run("tokens create").status == .usage)
  }

  @Test func tokensAreListedWithTheirState() async {
    let requests = Requests<V1.ListTokensRequest>()
    let harness = CommandHarness { router in
      router.answer(V1.TokenServiceMethods.listTokens, requests) { (_, _) in
        var tokens = [
          V1.Token(id: "tok_a", scopes: ["admin"]), V1.Token(id: "tok_b"), V1.Token(id: "tok_c"),
        ]
        tokens[1].expireTime = Google.Protobuf.Timestamp(seconds: 1_800_000_000)
        tokens[2].revokeTime = Google.Protobuf.Timestamp(seconds: 5)
        return V1.ListTokensResponse(tokens: tokens)
      }
    }
    let rows = await harness.run("tokens ls --tenant ten_x").output.split(separator: "\n")
    #expect(requests.last?.tenantID == "ten_x")
    #expect(rows.count == 4)
    #expect(rows.dropFirst().map { $0.split(separator: " ")[1] } == ["good", "expired", "revoked"])
  }

  @Test func theAuditLogIsFiltered() async throws {
    let requests = Requests<V1.ListAuditEventsRequest>()
    let harness = CommandHarness { router in
      router.answer(V1.AuditServiceMethods.listAuditEvents, requests) { (_, _) in
        var event = V1.AuditEvent()
        event.principal = "token:tok_1"
        event.action = "update"
        event.resourceID = "desk"
        event.changes = [
          .init(field: "display_name", oldValue: "One", newValue: "Two"),
          .init(field: "labels.team", oldValue: "x", newValue: ""),
        ]
        return V1.ListAuditEventsResponse(events: [event])
      }
    }
    let outcome = await harness.run(
      "audit ls --resource desk --type agent --principal system --action update --since 1h "
        + "--until 1m")
    #expect(outcome.output.contains("display_name: One → Two; labels.team: x → (unset)"))
    let request = try #require(requests.last)
    #expect(request.resourceID == "desk" && request.resourceType == "agent")
    #expect(request.principal == "system" && request.action == "update")
    #expect(request.startTime?.seconds == 1_799_996_400)
    #expect(request.endTime?.seconds == 1_799_999_940)
  }

  @Test func operationsAreListedAndWaitedFor() async throws {
    var operation = V1.Operation(id: "op_1", type: .importPhoneNumber, state: .failed)
    operation.resource = .phoneNumberID("pn_1")
    operation.steps = [.init(type: .webhook, state: .left, region: .ie1, carrierCode: 20003)]
    operation.error = Google.Rpc.Status(code: 9, message: "It could not be put back.")
    let told = operation
    let (lists, waits) = (
      Requests<V1.ListOperationsRequest>(), Requests<V1.WaitOperationRequest>()
    )
    let harness = CommandHarness { router in
      router.answer(V1.OperationServiceMethods.listOperations, lists) { (_, _) in
        V1.ListOperationsResponse(operations: [told])
      }
      router.answer(V1.OperationServiceMethods.waitOperation, waits) { (_, _) in
        V1.WaitOperationResponse(operation: told)
      }
    }
    let listed = await harness.run("operations ls --state failed --number pn_1").output
    #expect(listed.contains("import_phone_number") && listed.contains("It could not be put back."))
    #expect(lists.last?.state == .failed && lists.last?.phoneNumberID == "pn_1")
    let waited = await harness.run("operations wait op_1 --for 1500ms").output
    #expect(waited.contains("webhook ie1 left (carrier error 20003)"))
    #expect(waits.last?.id == "op_1" && waits.last?.timeout?.nanos == 500_000_000)
  }
}
