import GRPC
import Testing

@Suite struct ServiceConfigTests {
  @Test func theNearestSettingsCount() {
    var config = ServiceConfig(defaults: ServiceConfig.Method(timeout: .seconds(1)))
    config.services["a.B"] = ServiceConfig.Method(timeout: .seconds(2), waitForReady: true)
    config.methods["/a.B/C"] = ServiceConfig.Method(retryPolicy: RetryPolicy())
    let own = MethodDescriptor(service: "a.B", method: "C", kind: .unary)
    let sibling = MethodDescriptor(service: "a.B", method: "D", kind: .unary)
    let other = MethodDescriptor(service: "a.X", method: "C", kind: .unary)
    #expect(config.settings(for: own) == ServiceConfig.Method(retryPolicy: RetryPolicy()))
    #expect(config.settings(for: sibling).timeout == .seconds(2))
    #expect(config.settings(for: sibling).waitForReady == true)
    #expect(config.settings(for: other).timeout == .seconds(1))
  }

  @Test func theShortestTimeCounts() async {
    let now = ContinuousClock.now
    let options = CallOptions(timeout: .seconds(5))
    #expect(CallOptions().deadline(now: now) == nil)
    #expect(options.deadline(now: now) == now.advanced(by: .seconds(5)))
    #expect(
      options.deadline(now: now, timeoutMax: .seconds(2)) == now.advanced(by: .seconds(2)))
    #expect(
      CallOptions().deadline(now: now, timeoutMax: .seconds(2)) == now.advanced(by: .seconds(2)))
    let method = MethodDescriptor(service: "a.B", method: "C", kind: .unary)
    let outer = ServerContext(method: method, deadline: now.advanced(by: .seconds(1)))
    ServerContext.$current.withValue(outer) {
      #expect(options.deadline(now: now) == now.advanced(by: .seconds(1)))
      #expect(CallOptions().deadline(now: now) == now.advanced(by: .seconds(1)))
      #expect(
        options.deadline(now: now, timeoutMax: .milliseconds(1))
          == now.advanced(by: .milliseconds(1)))
    }
  }
}
