internal import Synchronization
internal import Telephony

/// Inbound calls that were answered while the store could not be written, until it can.
///
/// The same webhook again gets the same answer from here. In memory only: a call that ends before
/// the store is back is still written, one whose process ends before is not. Callable from any
/// executor.
package final class UnsavedCalls: Sendable {
  private struct Key: Hashable, Sendable {
    let account: AccountSID
    let carrierCallID: CarrierCallSID
  }

  private let calls = Mutex<[Key: Call]>([:])

  package init() {}

  package var count: Int { calls.withLock { $0.count } }

  func call(account: AccountSID, carrierCallID: CarrierCallSID) -> Call? {
    calls.withLock { $0[Key(account: account, carrierCallID: carrierCallID)] }
  }

  /// Keeps a call; answers the one that is kept, which may be an earlier one of the same carrier
  /// call. Nil when there are `Limits.unsavedCallsMax` already.
  func keep(_ call: Call) -> Call? {
    guard let id = call.carrierCallID else { return nil }
    let key = Key(account: call.account, carrierCallID: id)
    return calls.withLock { calls in
      if let known = calls[key] { return known }
      guard calls.count < Limits.unsavedCallsMax else { return nil }
      calls[key] = call
      return call
    }
  }

  func first() -> Call? { calls.withLock { $0.first?.value } }

  func remove(_ call: Call) {
    guard let id = call.carrierCallID else { return }
    _ = calls.withLock { $0.removeValue(forKey: Key(account: call.account, carrierCallID: id)) }
  }
}

extension CallDispatcher {
  /// Writes an inbound call; when the store is away it is kept, so that the caller is answered from
  /// memory, and written later by ``saveUnsaved()``. While calls wait to be written a further one
  /// waits with them: the carrier's patience is not spent on a store that did not answer.
  func createInbound(_ call: Call) async throws(DispatchError) -> InboundCreation {
    let known = call.carrierCallID.flatMap {
      unsaved.call(account: call.account, carrierCallID: $0)
    }
    if known == nil, unsaved.count > 0, let kept = unsaved.keep(call) {
      pump.wake()
      return .created(kept)
    }
    do throws(CallStoreError) {
      let creation = try await ports.store.createInbound(known ?? call)
      if let known { unsaved.remove(known) }
      return creation
    } catch {
      guard error.isOfStore, let kept = unsaved.keep(known ?? call) else {
        return try await mapped(call.id) { () throws(CallStoreError) in throw error }
      }
      pump.wake()
      return .created(kept)
    }
  }

  /// Writes what could not be written when it was answered. Stops at the first that still can't.
  func saveUnsaved() async {
    while let call = unsaved.first() {
      do throws(CallStoreError) {
        _ = try await ports.store.createInbound(call)
      } catch {
        if error.isOfStore { return }
        // The store has another call of that carrier call: it stands.
      }
      unsaved.remove(call)
    }
  }
}
