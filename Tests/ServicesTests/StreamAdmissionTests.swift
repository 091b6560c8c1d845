import API
import Access
import GRPC
import Synchronization
import Telephony
import TestKit
import Testing
import WellKnown

@testable import Services

/// Streams end when their callers may call no longer.
@Suite struct StreamAdmissionTests {
  private typealias Numbers = Trunkline.V1.PhoneNumberServiceMethods

  private let time = ManualTime(.hold)
  private let directory = TokenDirectory()

  /// A stream that a new token was admitted to.
  private func stream(
    expires: Timestamp? = nil, lookUp: CallAuthenticator.LookUp? = nil
  ) throws -> (ServerContext, TokenGrant, AdmissionRequest) {
    let text = TokenText(
      id: APITokenID(at: time.now(), random: SystemIDSource()), random: SystemIDSource())
    let grant = TokenGrant(
      id: text.id, tenant: .main, scopes: Scopes(.numbersRead),
      hash: SHA256TokenHasher().hash(text.secret), expireTime: expires)
    directory.put(grant)
    let method = Numbers.watchPhoneNumbers
    let authenticator = CallAuthenticator(
      rules: AccessRules(methods: [method: .numbersRead], open: []), directory: directory,
      hasher: SHA256TokenHasher(), time: time, configuration: .init(admitsAnonymous: false),
      lookUp: lookUp)
    let request = AdmissionRequest(
      method: method, metadata: ["authorization": .text("Bearer \(text.revealed)")],
      peer: "ipv4:192.0.2.7:1")
    guard case .admitted(let value?) = authenticator.verdict(on: request) else {
      throw Unadmitted()
    }
    let context = ServerContext(method: method)
    context.noteAdmission(value)
    #expect(try context.caller.principal == .token(grant.id))
    return (context, grant, request)
  }

  private struct Unadmitted: Error {}

  /// How a stream ends whose body does `turn` again and again until it is cancelled, while time
  /// passes.
  private func end(
    _ context: ServerContext, _ turn: @escaping @Sendable () -> Void
  ) async -> String {
    let time = time
    return await withTaskGroup(of: String?.self) { group in
      group.addTask {
        do throws(RPCError) {
          try await context.whileAdmitted { () async throws(RPCError) in
            while !Task.isCancelled {
              turn()
              await Task.yield()
            }
          }
          return "ended"
        } catch {
          return error.detail(Google.Rpc.ErrorInfo.self)?.reason
        }
      }
      group.addTask {
        while !Task.isCancelled {
          time.advance(by: .milliseconds(100))
          await Task.yield()
        }
        return nil
      }
      let end = await group.next() ?? nil
      group.cancelAll()
      return end ?? "nothing"
    }
  }

  @Test func aRevokedTokensStreamEnds() async throws {
    let (context, grant, _) = try stream()
    let directory = directory
    #expect(await end(context) { directory.remove(grant.id) } == "TOKEN_INVALID")
  }

  @Test func anExpiredTokensStreamEnds() async throws {
    let (context, _, _) = try stream(expires: time.now().advanced(by: .seconds(30)))
    #expect(await end(context) {} == "TOKEN_EXPIRED")
  }

  @Test func aStopEndsStreamsAndAdmitsNoMore() async throws {
    let (context, grant, request) = try stream()
    let admission = try #require(context.admission as? StreamAdmission)
    #expect(await end(context) { admission.authenticator.endStreams() } == "SHUTTING_DOWN")
    #expect(directory.grant(grant.id) == grant)
    guard case .refused(let error) = admission.authenticator.verdict(on: request) else {
      Issue.record("A stream was let in.")
      return
    }
    #expect(error.code == .unavailable)
  }

  /// A directory that forgot a token says nothing of it: whoever knows is asked.
  @Test func aTokenThatIsNotInMemoryIsLookedUp() async throws {
    let asked = Mutex(0)
    let known = Mutex<TokenGrant?>(nil)
    let directory = directory
    let (context, grant, _) = try stream { _ in
      let count = asked.withLock { count in
        count += 1
        return count
      }
      switch count {
      case 1: throw CancellationError()  // The store is away: that is no refusal.
      case 2: return known.withLock { $0 }
      default: return nil
      }
    }
    known.withLock { $0 = grant }
    #expect(await end(context) { directory.remove(grant.id) } == "TOKEN_INVALID")
    #expect(asked.withLock { $0 } == 3)
  }

  @Test func aBodyThatEndsIsTheEnd() async throws {
    let (context, _, _) = try stream()
    try await context.whileAdmitted { () async throws(RPCError) in }
    await #expect(throws: RPCError.self) {
      try await context.whileAdmitted { () async throws(RPCError) in
        throw RPCError(.unavailable, "over")
      }
    }
  }
}
