import GRPC
import Testing

@Suite(.timeLimit(.minutes(1))) struct PipeTests {
  @Test func elementsComeInOrderAndThenTheEnd() async {
    let pipe = Pipe<Int>(costMax: 1000)
    for number in 0..<200 { pipe.push(number, cost: 1) }
    pipe.end()
    pipe.push(999, cost: 1)
    for number in 0..<200 {
      guard case .element(number) = await pipe.receive() else {
        Issue.record("\(number) is missing")
        return
      }
    }
    guard case .end = await pipe.receive() else {
      Issue.record("no end")
      return
    }
  }

  @Test func whatWasTakenIsNotKept() async {
    final class Message: Sendable {}
    let pipe = Pipe<Message>(costMax: 1000)
    weak var first: Message?
    do {
      let message = Message()
      first = message
      pipe.push(message, cost: 1)
      pipe.push(Message(), cost: 1)
    }
    do {
      guard case .element = await pipe.receive() else {
        Issue.record("nothing came")
        return
      }
    }
    #expect(first == nil)
    #expect(pipe.waitingCost == 1)
  }

  @Test func manySmallElementsCostNoMoreEach() async {
    let pipe = Pipe<Int>(costMax: .max)
    let count = 200_000
    for number in 0..<count { pipe.push(number, cost: 5) }
    var expected = 0
    // Elements that come meanwhile keep their place.
    while expected < count + 100, case .element(let number) = await pipe.receive() {
      #expect(number == expected)
      if expected < 100 { pipe.push(count + expected, cost: 5) }
      expected += 1
    }
    #expect(expected == count + 100)
  }

  @Test func theSenderWaitsForTheReceiver() async {
    let pipe = Pipe<Int>(costMax: 10)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for number in 0..<1000 { #expect(await pipe.send(number, cost: 4)) }
        pipe.end()
      }
      var expected = 0
      while case .element(let number) = await pipe.receive() {
        #expect(number == expected)
        #expect(pipe.waitingCost <= 12)
        expected += 1
      }
      #expect(expected == 1000)
    }
  }

  @Test func abortDropsWhatWaitsAndWakesBoth() async {
    let pipe = Pipe<Int>(costMax: 1)
    await withTaskGroup(of: Bool.self) { group in
      group.addTask { await pipe.send(1, cost: 5) }
      pipe.abort(last: 2)
      #expect(await group.next() == false)
    }
    guard case .element(let last) = await pipe.receive() else {
      Issue.record("no last element")
      return
    }
    #expect(last == 2)
  }

  @Test func aCancelledReceiverLeavesThePipeWhole() async {
    let pipe = Pipe<Int>(costMax: 10)
    let wasCancelled = await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        guard case .cancelled = await pipe.receive() else { return false }
        return true
      }
      group.cancelAll()
      return await group.next() ?? false
    }
    #expect(wasCancelled)
    pipe.push(7, cost: 1)
    guard case .element(7) = await pipe.receive() else {
      Issue.record("the pipe is broken")
      return
    }
  }
}
