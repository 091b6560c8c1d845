internal import CallDispatch
internal import Synchronization
internal import Telephony

/// Calls of writes whose COMMIT was not answered: they may be in the store, and nobody who watches
/// has seen them. Callable from any executor.
final class UnconfirmedCalls: Sendable {
  /// Calls that are remembered; a connection breaks during few commits.
  private static let countMax = 4096

  private let calls = Mutex<[Call]>([])

  var all: [Call] { calls.withLock { $0 } }

  func add(_ written: [Call]) {
    calls.withLock { $0.append(contentsOf: written.prefix(max(0, Self.countMax - $0.count))) }
  }

  /// Forgets those of the regions: it is known what became of them.
  func settle(_ regions: Set<Region>) {
    calls.withLock { $0.removeAll { regions.contains($0.region) } }
  }
}

extension SQLCallStore {
  /// Runs `body` in a transaction. Gives what it wrote, after what earlier writes turn out to have
  /// written whose COMMIT was not answered: whoever watches gets every change in the order of
  /// commits, and takes a later one to mean that none is before it.
  func confirmed<Result: Sendable>(
    _ body: @Sendable (CallTransaction) async throws(Stop) -> (Result, [Call])
  ) async throws(Stop) -> (Result, [Call]) {
    let unknown = unconfirmed.all
    let attempt = Mutex<[Call]>([])
    do throws(Stop) {
      let (result, found, written) = try await engine.transaction(refusing: CallStoreError.self) {
        session async throws(Stop) -> (Result, [Call], [Call]) in
        let (result, written) = try await body(CallTransaction(session: session))
        attempt.withLock { $0 = written }
        // By now the region's counter is this transaction's: no earlier one of that region is under
        // way any more. Of another region one may be.
        let regions = Set(written.map(\.region))
        let found = try await Self.stored(unknown.filter { regions.contains($0.region) }, session)
        return (result, found, written)
      }
      guard !written.isEmpty else { return (result, written) }
      unconfirmed.settle(Set(written.map(\.region)))
      let known = Set(written.map(\.id))
      return (result, found.filter { !known.contains($0.id) } + written)
    } catch {
      if case .failed(.unavailable(_, mayHaveCommitted: true)) = error {
        unconfirmed.add(attempt.withLock { $0 })
      }
      throw error
    }
  }

  /// Those of the calls whose change was committed, as they are now, each once.
  private static func stored(
    _ unknown: [Call], _ session: any SQLSession
  ) async throws(Stop) -> [Call] {
    var found: [CallID: Call] = [:]
    for call in unknown {
      let key = [SQLValue(call.region), SQLValue.text(call.id.description)]
      let rows: [SQLRow]
      do throws(SQLFailure) {
        rows = try await session.run(CallStatements.call, key).rows
      } catch {
        throw .failed(error)
      }
      guard let present = rows.first.flatMap({ Call($0) }) else { continue }
      if present.change >= call.change { found[call.id] = present }
    }
    return found.values.sorted { $0.change < $1.change }
  }
}
