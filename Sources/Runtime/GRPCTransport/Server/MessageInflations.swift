internal import Compression
internal import EventLoops
internal import GRPC

/// The large compressed requests of one connection's unary calls: inflated one after another, one
/// slice in each tick, so that other connections have their turn. On the loop only.
///
/// What waits is bounded with all that the connection keeps of unary requests.
final class MessageInflations: EndOfTickHandler {
  private let loop: EventLoop
  private var waiting: [(call: ServerCall, message: [UInt8])] = []
  /// How many of `waiting` were taken already.
  private var head = 0
  private var current: (call: ServerCall, inflation: SlicedInflation)?

  init(_ loop: EventLoop) { self.loop = loop }

  /// Has `call` started with what `message` stands for, unless it ends before.
  func add(_ call: ServerCall, _ message: [UInt8]) {
    waiting.append((call, message))
    guard current == nil else { return }
    beginNext()
  }

  private func beginNext() {
    current = nil
    while current == nil, head < waiting.count {
      let (call, message) = waiting[head]
      head += 1
      guard call.phase == .collecting else { continue }
      do throws(RPCError) {
        current = (call, try call.makeInflation(message))
        loop.callAtEndOfTick(self)
      } catch {
        call.fail(error)
      }
    }
    if head == waiting.count {
      waiting = []
      head = 0
    }
  }

  func tickEnded() {
    guard let (call, inflation) = current else { return }
    guard call.phase == .collecting else { return beginNext() }
    do throws(RPCError) {
      guard try call.advance(inflation) else { return loop.callAtEndOfTick(self) }
      call.releaseKept()
      inflation.withText { call.start($0) }
    } catch {
      call.fail(error)
    }
    beginNext()
  }
}
