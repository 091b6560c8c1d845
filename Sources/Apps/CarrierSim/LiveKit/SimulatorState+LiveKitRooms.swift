internal import LiveKitAPI
internal import Telephony

/// `livekit.RoomService` and `livekit.AgentDispatchService`.
extension SimulatorState {
  // MARK: Rooms

  mutating func roomService(_ call: TwirpCall) throws(TwirpError) -> SimulatorAnswer? {
    let grants = call.grants
    switch call.method {
    case "CreateRoom":
      try grants.requireRoomCreate()
      return try call.answer { (request) throws(TwirpError) in try createRoom(request) }
    case "ListRooms":
      try grants.requireRoomList()
      return try call.answer { (request: Livekit.ListRoomsRequest) in
        let rooms = livekit.rooms.all.map(shown)
        return Livekit.ListRoomsResponse(
          rooms: rooms.filter { request.names.isEmpty || request.names.contains($0.name) })
      }
    case "DeleteRoom":
      try grants.requireRoomCreate()
      return try call.answer { (request) throws(TwirpError) in try deleteRoom(request) }
    case "UpdateRoomMetadata":
      return try call.answer { (request) throws(TwirpError) in
        try updateRoomMetadata(request, grants)
      }
    default: return try participantService(call)
    }
  }

  private mutating func createRoom(
    _ request: Livekit.CreateRoomRequest
  ) throws(TwirpError) -> Livekit.Room {
    guard !request.name.isEmpty else { throw .invalid("room name must be specified") }
    if let room = livekit.rooms[request.name] { return shown(room) }
    try makeRoom(request.name) { room in
      if request.emptyTimeout > 0 { room.emptyTimeout = request.emptyTimeout }
      if request.departureTimeout > 0 { room.departureTimeout = request.departureTimeout }
      room.maxParticipants = request.maxParticipants
      room.metadata = request.metadata
    }
    for agent in request.agents { try dispatch(agent, to: request.name) }
    guard let room = livekit.rooms[request.name] else { throw .missing("room") }
    return shown(room)
  }

  /// Does nothing when the room exists.
  mutating func makeRoom(
    _ name: String, _ configure: (inout Livekit.Room) -> Void = { _ in }
  ) throws(TwirpError) {
    guard livekit.rooms[name] == nil else { return }
    try checkRoom(livekit.rooms.count, "rooms")
    var room = Livekit.Room(
      sid: livekitID("RM_"), name: name, emptyTimeout: 300, departureTimeout: 20,
      creationTime: now.milliseconds / 1000, creationTimeMs: now.milliseconds)
    configure(&room)
    livekit.rooms[name] = LiveKitRoom(room: room)
  }

  func shown(_ entry: LiveKitRoom) -> Livekit.Room {
    var room = entry.room
    room.numParticipants = UInt32(entry.participants.count)
    room.numPublishers = UInt32(entry.participants.all.count { !$0.tracks.isEmpty })
    return room
  }

  /// Ends all calls that are in it.
  private mutating func deleteRoom(
    _ request: Livekit.DeleteRoomRequest
  ) throws(TwirpError) -> Livekit.DeleteRoomResponse {
    guard livekit.rooms[request.room] != nil else { throw .missing("room") }
    for call in livekit.calls.all where call.room == request.room { endSIPCall(call.id) }
    for dispatch in livekit.dispatches.all where dispatch.room == request.room {
      livekit.dispatches[dispatch.id] = nil
    }
    livekit.rooms[request.room] = nil
    return .init()
  }

  private mutating func updateRoomMetadata(
    _ request: Livekit.UpdateRoomMetadataRequest, _ grants: LiveKitGrants
  ) throws(TwirpError) -> Livekit.Room {
    try grants.requireAdmin(of: request.room)
    guard var room = livekit.rooms[request.room] else { throw .missing("room") }
    room.room.metadata = request.metadata
    livekit.rooms[request.room] = room
    return shown(room)
  }

  // MARK: Participants

  private mutating func participantService(
    _ call: TwirpCall
  ) throws(TwirpError) -> SimulatorAnswer? {
    let grants = call.grants
    switch call.method {
    case "ListParticipants":
      return try call.answer { (request: Livekit.ListParticipantsRequest) throws(TwirpError) in
        try grants.requireAdmin(of: request.room)
        return Livekit.ListParticipantsResponse(
          participants: livekit.rooms[request.room]?.participants.all ?? [])
      }
    case "GetParticipant":
      return try call.answer { (request: Livekit.RoomParticipantIdentity) throws(TwirpError) in
        try grants.requireAdmin(of: request.room)
        return try participant(request.room, request.identity)
      }
    case "RemoveParticipant":
      return try call.answer { (request: Livekit.RoomParticipantIdentity) throws(TwirpError) in
        try grants.requireAdmin(of: request.room)
        _ = try participant(request.room, request.identity)
        removeParticipant(request.room, request.identity)
        return Livekit.RemoveParticipantResponse()
      }
    case "MutePublishedTrack":
      return try call.answer { (request) throws(TwirpError) in try muteTrack(request, grants) }
    case "UpdateParticipant":
      return try call.answer { (request) throws(TwirpError) in
        try updateParticipant(request, grants)
      }
    case "SendData":
      return try call.answer { (request: Livekit.SendDataRequest) throws(TwirpError) in
        try grants.requireAdmin(of: request.room)
        guard livekit.rooms[request.room] != nil else { throw .missing("room") }
        return Livekit.SendDataResponse()
      }
    case "MoveParticipant":
      return try call.answer { (request) throws(TwirpError) in try moveParticipant(request, grants)
      }
    default:
      throw TwirpError(.badRoute, "no handler for path livekit.RoomService/\(call.method)")
    }
  }

  func participant(
    _ room: String, _ identity: String
  ) throws(TwirpError) -> Livekit.ParticipantInfo {
    guard let found = livekit.rooms[room]?.participants[identity] else {
      throw .missing("participant")
    }
    return found
  }

  /// With its call, if it is a telephone.
  mutating func removeParticipant(_ room: String, _ identity: String) {
    if let call = livekit.calls.all.first(where: { $0.room == room && $0.identity == identity }) {
      endSIPCall(call.id)
    }
    livekit.rooms[room]?.participants[identity] = nil
  }

  private mutating func muteTrack(
    _ request: Livekit.MuteRoomTrackRequest, _ grants: LiveKitGrants
  ) throws(TwirpError) -> Livekit.MuteRoomTrackResponse {
    try grants.requireAdmin(of: request.room)
    var found = try participant(request.room, request.identity)
    guard let index = found.tracks.firstIndex(where: { $0.sid == request.trackSID }) else {
      throw .missing("track")
    }
    found.tracks[index].muted = request.muted
    livekit.rooms[request.room]?.participants[request.identity] = found
    return .init(track: found.tracks[index])
  }

  private mutating func updateParticipant(
    _ request: Livekit.UpdateParticipantRequest, _ grants: LiveKitGrants
  ) throws(TwirpError) -> Livekit.ParticipantInfo {
    try grants.requireAdmin(of: request.room)
    var found = try participant(request.room, request.identity)
    if !request.metadata.isEmpty { found.metadata = request.metadata }
    if !request.name.isEmpty { found.name = request.name }
    found.permission = request.permission ?? found.permission
    for (name, value) in request.attributes {
      found.attributes[name] = value.isEmpty ? nil : value
    }
    livekit.rooms[request.room]?.participants[request.identity] = found
    return found
  }

  private mutating func moveParticipant(
    _ request: Livekit.MoveParticipantRequest, _ grants: LiveKitGrants
  ) throws(TwirpError) -> Livekit.MoveParticipantResponse {
    try grants.requireAdmin(of: request.room)
    try grants.requireDestination(request.destinationRoom)
    let found = try participant(request.room, request.identity)
    guard request.room != request.destinationRoom else {
      throw .invalid("the participant is in that room")
    }
    try makeRoom(request.destinationRoom)
    livekit.rooms[request.room]?.participants[request.identity] = nil
    livekit.rooms[request.destinationRoom]?.participants[request.identity] = found
    for call in livekit.calls.all
    where call.room == request.room && call.identity == request.identity {
      livekit.calls[call.id]?.room = request.destinationRoom
    }
    return .init()
  }

  // MARK: Dispatches

  mutating func dispatchService(_ call: TwirpCall) throws(TwirpError) -> SimulatorAnswer? {
    let grants = call.grants
    switch call.method {
    case "CreateDispatch":
      return try call.answer {
        (request: Livekit.CreateAgentDispatchRequest) throws(TwirpError) in
        try grants.requireAdmin(of: request.room)
        guard !request.room.isEmpty else { throw .invalid("room name must be specified") }
        return try dispatch(
          .init(
            agentName: request.agentName, metadata: request.metadata,
            deployment: request.deployment, attributes: request.attributes),
          to: request.room)
      }
    case "DeleteDispatch":
      return try call.answer {
        (request: Livekit.DeleteAgentDispatchRequest) throws(TwirpError) in
        try grants.requireAdmin(of: request.room)
        guard var found = livekit.dispatches[request.dispatchID], found.room == request.room
        else { throw .missing("dispatch") }
        livekit.dispatches[found.id] = nil
        found.state?.deletedAt = now.microseconds * 1000
        return found
      }
    case "ListDispatch":
      return try call.answer {
        (request: Livekit.ListAgentDispatchRequest) throws(TwirpError) in
        try grants.requireAdmin(of: request.room)
        return Livekit.ListAgentDispatchResponse(
          agentDispatches: livekit.dispatches.all.filter {
            $0.room == request.room && ["", $0.id].contains(request.dispatchID)
          })
      }
    default:
      throw TwirpError(
        .badRoute, "no handler for path livekit.AgentDispatchService/\(call.method)")
    }
  }

  @discardableResult
  mutating func dispatch(
    _ agent: Livekit.RoomAgentDispatch, to room: String
  ) throws(TwirpError) -> Livekit.AgentDispatch {
    try checkRoom(livekit.dispatches.count, "dispatches")
    try makeRoom(room)
    let made = Livekit.AgentDispatch(
      id: livekitID("AD_"), agentName: agent.agentName, room: room, metadata: agent.metadata,
      state: .init(createdAt: now.microseconds * 1000), deployment: agent.deployment,
      attributes: agent.attributes)
    livekit.dispatches[made.id] = made
    return made
  }
}
