import Telephony
import Testing

@testable import CarrierSim

@Suite struct SimulatorLiveKitCallTests {
  typealias Harness = SimulatorHarness

  private func harness() -> (Harness, trunk: JSON, call: String, room: String) {
    var harness = Harness()
    harness.control("POST", "/livekit/keys", ["key": "devkey", "secret": "devsecret"])
    let trunk = harness.twirp(
      "SIP/CreateSIPOutboundTrunk",
      ["trunk": ["numbers": ["+15005550006"], "address": "one.pstn.twilio.com"]],
      token: harness.token(sip: ["admin": true]))
    return (
      harness, trunk.json["sip_trunk_id"] ?? .null, harness.token(sip: ["call": true]),
      harness.token(video: ["roomAdmin": true, "room": "one"], sip: ["call": true])
    )
  }

  private func dial(_ trunk: JSON, waits: Bool = false) -> JSON {
    [
      "sip_trunk_id": trunk, "sip_call_to": .string(Harness.to), "room_name": "one",
      "participant_identity": "callee", "wait_until_answered": .bool(waits),
    ]
  }

  private func status(_ harness: inout Harness, _ token: String) -> JSON? {
    harness.twirp(
      "RoomService/GetParticipant", ["room": "one", "identity": "callee"], token: token
    ).json["attributes"]?["sip.callStatus"]
  }

  @Test func aCallDialsRingsAndIsTaken() {
    var (harness, trunk, call, room) = harness()
    let made = harness.twirp("SIP/CreateSIPParticipant", dial(trunk), token: call)
    #expect(made.json["participant_identity"] == "callee")
    #expect(status(&harness, room) == "dialing")
    harness.pass(.milliseconds(51))
    #expect(status(&harness, room) == "ringing")
    harness.pass(.milliseconds(101))
    #expect(status(&harness, room) == "active")
    let again = harness.twirp("SIP/CreateSIPParticipant", dial(trunk), token: call)
    #expect(again.json["code"] == "already_exists")
    let removed = harness.twirp(
      "RoomService/RemoveParticipant", ["room": "one", "identity": "callee"], token: room)
    #expect(removed.status == 200)
    #expect(harness.state.livekit.calls.count == 0)
    #expect(status(&harness, room) == nil)
  }

  @Test func whoWaitsLearnsTheSIPStatus() {
    var (harness, trunk, call, room) = harness()
    for (outcome, code, sip) in [
      ("busy", "resource_exhausted", "486"), ("no-answer", "resource_exhausted", "480"),
      ("failed", "failed_precondition", "503"), ("refuse", "permission_denied", "403"),
    ] {
      harness.control(
        "POST", "/far-ends", ["to": .string(Harness.to), "outcome": .string(outcome)])
      let id = harness.livekit(
        "POST", "SIP/CreateSIPParticipant", Array(dial(trunk, waits: true).text.utf8), call)
      #expect((harness.answers[id] == nil) == (outcome != "refuse"))
      harness.pass(.milliseconds(51))
      harness.pass(.milliseconds(101))
      #expect(harness.json(id)["code"]?.string == code)
      #expect(harness.json(id)["meta"]?["sip_status_code"]?.string == sip)
      #expect(status(&harness, room) == nil)
    }
    harness.control("DELETE", "/far-ends?to=%2B15005550001")
    let id = harness.livekit(
      "POST", "SIP/CreateSIPParticipant", Array(dial(trunk, waits: true).text.utf8), call)
    harness.pass(.seconds(1))
    harness.pass(.seconds(1))
    #expect(harness.answers[id]?.status == 200)
  }

  @Test func deletingARoomEndsItsCalls() {
    var (harness, trunk, call, _) = harness()
    let id = harness.livekit(
      "POST", "SIP/CreateSIPParticipant", Array(dial(trunk, waits: true).text.utf8), call)
    let create = harness.token(video: ["roomCreate": true])
    #expect(harness.twirp("RoomService/DeleteRoom", ["room": "one"], token: create).status == 200)
    #expect(harness.json(id)["code"] == "aborted")
    #expect(harness.state.livekit.calls.count == 0)
    #expect(harness.twirp("RoomService/DeleteRoom", ["room": "one"], token: create).status == 404)
    harness.pass(.seconds(10))
  }

  @Test func transfersGoOrFail() {
    var (harness, trunk, call, room) = harness()
    _ = harness.twirp("SIP/CreateSIPParticipant", dial(trunk), token: call)
    harness.pass(.seconds(1))
    harness.pass(.seconds(1))
    func transfer(_ to: String) -> JSON {
      let body: JSON = [
        "room_name": "one", "participant_identity": "callee", "transfer_to": .string(to),
      ]
      let id = harness.livekit(
        "POST", "SIP/TransferSIPParticipant", Array(body.text.utf8), room)
      harness.pass(.seconds(1))
      return harness.json(id)
    }
    #expect(transfer("+15005550009")["code"] == "invalid_argument")
    harness.control("POST", "/far-ends", ["to": "+15005550009", "outcome": "busy"])
    #expect(transfer("tel:+15005550009")["meta"]?["sip_transfer_reason"] == "STR_REJECTED")
    #expect(status(&harness, room) == "active")
    #expect(transfer("sip:+15005550008@example.com")["status"] == "STS_TRANSFER_SUCCESSFUL")
    #expect(status(&harness, room) == nil)
  }

  @Test func aTransferWhoseAnswerIsLostIsDoneAndNeverAnswered() {
    var (harness, trunk, call, room) = harness()
    _ = harness.twirp("SIP/CreateSIPParticipant", dial(trunk), token: call)
    harness.pass(.seconds(1))
    harness.control(
      "POST", "/faults", ["kind": "lost_after", "path": "*/TransferSIP*", "delay_ms": 5000])
    let body: JSON = [
      "room_name": "one", "participant_identity": "callee", "transfer_to": "tel:+15005550008",
    ]
    let id = harness.livekit("POST", "SIP/TransferSIPParticipant", Array(body.text.utf8), room)
    harness.pass(.seconds(4))
    #expect(harness.answers[id] == nil)
    harness.pass(.seconds(2))
    #expect(harness.dropped == [id])
    #expect(status(&harness, room) == nil)
  }

  @Test func faultsStrikeHereToo() {
    var (harness, _, _, _) = harness()
    let admin = harness.token(sip: ["admin": true])
    let body = Array(#"{"trunk":{"numbers":["+1"]}}"#.utf8)
    harness.control(
      "POST", "/faults", ["kind": "lost_after", "path": "*/CreateSIPInboundTrunk", "skip": 0])
    let lost = harness.livekit("POST", "SIP/CreateSIPInboundTrunk", body, admin)
    harness.pass(.milliseconds(1))
    #expect(harness.dropped == [lost])
    #expect(harness.state.livekit.inboundTrunks.count == 1)
    for (status, code) in [
      (401, "unauthenticated"), (403, "permission_denied"), (404, "not_found"),
      (409, "already_exists"), (429, "resource_exhausted"), (500, "internal"),
    ] {
      harness.control("POST", "/faults", ["kind": "status", "status": .integer(status)])
      let id = harness.livekit("POST", "SIP/CreateSIPInboundTrunk", body, admin)
      harness.pass(.milliseconds(1))
      #expect(harness.answers[id]?.status == status)
      #expect(harness.json(id)["code"]?.string == code)
    }
    harness.control("POST", "/faults", ["kind": "status", "region": "us1"])
    #expect(harness.twirp("SIP/ListSIPInboundTrunk", [:], token: admin).status == 200)
  }

  @Test func participantsAndDispatches() {
    var (harness, _, _, room) = harness()
    harness.control(
      "POST", "/livekit/participants",
      ["room": "one", "identity": "agent-1", "kind": "agent", "attributes": ["a": "b"]])
    let who: JSON = ["room": "one", "identity": "agent-1"]
    let found = harness.twirp("RoomService/GetParticipant", who, token: room).json
    #expect(found["kind"] == "AGENT")
    let track = found["tracks"]?.array?.first?["sid"] ?? .null
    let muted = harness.twirp(
      "RoomService/MutePublishedTrack",
      ["room": "one", "identity": "agent-1", "track_sid": track, "muted": true], token: room)
    #expect(muted.json["track"]?["muted"] == true)
    let updated = harness.twirp(
      "RoomService/UpdateParticipant",
      ["room": "one", "identity": "agent-1", "attributes": ["a": "", "c": "d"]], token: room)
    #expect(updated.json["attributes"] == ["c": "d"])
    let sent = harness.twirp("RoomService/SendData", ["room": "one", "data": "AA=="], token: room)
    #expect(sent.status == 200)
    let moving = harness.token(
      video: ["roomAdmin": true, "room": "one", "destinationRoom": "two"])
    let move: JSON = ["room": "one", "identity": "agent-1", "destination_room": "two"]
    #expect(harness.twirp("RoomService/MoveParticipant", move, token: room).status == 403)
    #expect(harness.twirp("RoomService/MoveParticipant", move, token: moving).status == 200)
    let list = harness.twirp("RoomService/ListParticipants", ["room": "one"], token: room)
    #expect(list.json["participants"] == [])

    let made = harness.twirp(
      "AgentDispatchService/CreateDispatch", ["room": "one", "agent_name": "desk"], token: room)
    let id = made.json["id"] ?? .null
    let listed = harness.twirp("AgentDispatchService/ListDispatch", ["room": "one"], token: room)
    #expect(listed.json["agent_dispatches"]?.array?.count == 1)
    let delete: JSON = ["room": "one", "dispatch_id": id]
    #expect(
      harness.twirp("AgentDispatchService/DeleteDispatch", delete, token: room).status == 200)
    #expect(
      harness.twirp("AgentDispatchService/DeleteDispatch", delete, token: room).status == 404)
  }
}
