internal import Telephony

/// What the control API shows.
extension SimulatorState {
  /// A call: the resource, and what only the simulator knows.
  func view(_ call: SimulatedCall) -> JSON {
    guard case .object(var members) = render(call) else { return .null }
    let webhooks = call.webhooks.map { record -> JSON in
      [
        "url": .string(record.url), "method": .string(record.method),
        "attempts": .integer(record.attempt), "idempotency_token": .string(record.token),
        "status": JSON(record.status), "error_code": JSON(record.errorCode),
        "body": .string(record.body),
      ]
    }
    let errors = call.errors.map { error -> JSON in
      ["code": .integer(error.code), "message": .string(error.message)]
    }
    let more: KeyValuePairs<String, JSON> = [
      "region": .string(call.region.rawValue), "disposition": call.disposition ?? .null,
      "twiml": .array(call.script.map(Self.view)), "webhooks": .array(webhooks),
      "callbacks": .array(call.callbacks.map { view($0, call.sid) }), "errors": .array(errors),
    ]
    members += more.map { JSON.Member(name: $0.key, value: $0.value) }
    return .object(members)
  }

  func view(_ record: SimulatedCall.CallbackRecord, _ sid: String) -> JSON {
    let form = record.form.fields.map {
      JSON.Member(name: $0.name, value: .string($0.value))
    }
    return [
      "call_sid": .string(sid), "event": .string(record.event.rawValue),
      "sequence": .integer(record.sequence), "state": .string(record.state.rawValue),
      "deliveries": .array(record.deliveries.map { .integer($0) }), "form": .object(form),
    ]
  }

  func stateView() -> JSON {
    [
      "time": .string(CarrierTime(now).isoDate),
      "accounts": .array(accounts.values.sorted { $0.sid < $1.sid }.map(view)),
      "keys": .array(keys.values.sorted { $0.sid < $1.sid }.map(view)),
      "applications": .array(
        applications.values.sorted { $0.sid < $1.sid }.map {
          ["sid": .string($0.sid), "voice_url": .string($0.voice.url)]
        }),
      "trunks": .array(trunks.order.sorted().map { .string($0) }),
      "numbers": .array(numberOrder.compactMap { numbers[$0] }.map(view)),
      "far_ends": .array(
        farEnds.sorted { $0.key < $1.key }.map { view($0.value, to: $0.key) }),
      "faults": .array(faults.map(view)), "callbacks": view(callbackPolicy),
      "calls": .array(callOrder.compactMap { calls[$0] }.map(view)),
      "events_waiting": .integer(agenda.count), "webhooks_running": .integer(webhooks.count),
    ]
  }

  /// Everything that points at addresses that begin with `prefix`, and what was dialled.
  func audit(prefix: String) -> JSON {
    var configurations: [JSON] = []
    var routes: [JSON] = []
    for number in numberOrder.compactMap({ numbers[$0] }) {
      if let route = number.route {
        routes.append([
          "phone_number": .string(number.phoneNumber), "sid": .string(number.sid),
          "voice_region": .string(route.region.rawValue),
        ])
      }
      for region in Region.allCases {
        for field in fields(number.configuration(in: region))
        where field.value.hasPrefix(prefix) && field.value.contains("://") {
          configurations.append([
            "account_sid": .string(number.account), "region": .string(region.rawValue),
            "sid": .string(number.sid), "phone_number": .string(number.phoneNumber),
            "field": .string(field.name), "value": .string(field.value),
          ])
        }
      }
    }
    let live = callOrder.filter { calls[$0]?.status.isOver == false }
    return [
      "configurations": .array(configurations), "routes": .array(routes),
      "calls_created": Self.counts(callsCreated), "posts_received": Self.counts(postsReceived),
      "live_calls": .array(live.map { .string($0) }),
      "numbers_released": .array(numbersReleased.map { .string($0) }),
      "numbers_bought": .array(numbersBought.map { .string($0) }),
    ]
  }

  private static func counts(_ counts: [String: Int]) -> JSON {
    .object(
      counts.sorted { $0.key < $1.key }.map {
        JSON.Member(name: $0.key, value: .integer($0.value))
      })
  }
}
