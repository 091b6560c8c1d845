internal import API
internal import CallDispatch
internal import Protobuf
internal import Registry
internal import Telephony

// A dispatch that starts reads a million rows of its copy: most of that time went by on messages
// with a dozen texts each, of which the route keeps none. What is not understood here is nil, and
// the messages' own decoders have the word.

extension WireTag {
  fileprivate func isBytes(_ field: UInt32) -> Bool {
    self.field == field && type == .lengthDelimited
  }
}

extension SealedSecret {
  /// From an encoded `Sealed`.
  init?(kept bytes: [UInt8]) {
    var reader = WireReader(bytes)
    do throws(DecodingError) {
      guard try reader.nextTag()?.isBytes(1) == true else { return nil }
      let name = try reader.string()
      guard try reader.nextTag()?.isBytes(2) == true else { return nil }
      let range = try reader.lengthDelimitedRange()
      guard reader.isAtEnd else { return nil }
      self.init(keyName: name, bytes: Array(bytes[range]))
    } catch {
      return nil
    }
  }
}

extension CallDispatch.NumberRoute {
  /// From an encoded `RouteEntry` of a number.
  init?(kept bytes: [UInt8]) {
    var reader = WireReader(bytes)
    do throws(DecodingError) {
      guard try reader.nextTag()?.isBytes(1) == true,
        try reader.varint() == UInt64(bytes.count - reader.offset)
      else { return nil }
      var fields = KeptNumber()
      while let tag = try reader.nextTag() {
        guard try fields.read(tag, &reader, bytes) else { return nil }
      }
      self.init(fields)
    } catch {
      return nil
    }
  }

  private init?(_ fields: KeptNumber) {
    guard let id = fields.id, let tenant = fields.tenant, let provider = fields.provider,
      let e164 = fields.e164
    else { return nil }
    let isWorking =
      switch fields.state {
      case .active, .degraded: true
      case .provisioning, .deleting, .corrupted, .unspecified, .unrecognized: false
      }
    self.init(
      id: id, tenant: tenant, provider: provider, e164: e164,
      webhookGeneration: fields.webhookGeneration, agent: fields.agent,
      takesInbound: fields.takesInbound, placesOutbound: fields.placesOutbound && isWorking,
      unassignedURL: fields.unassignedURL,
      unassignedMethod: fields.unassignedMethod == "GET" ? .get : .post,
      pendingProvider: fields.pendingProvider, isSIP: fields.isSIP)
  }
}

/// The fields of an encoded `NumberRoute`, by their numbers in route.proto.
private struct KeptNumber {
  var id: PhoneNumberID?
  var tenant: TenantID?
  var e164: E164?
  var provider: ProviderID?
  var pendingProvider: ProviderID?
  var isSIP = false
  var takesInbound = false
  var placesOutbound = false
  var agent: AgentID?
  var state = Trunkline.V1.PhoneNumber.State.unspecified
  var webhookGeneration: UInt32 = 0
  var unassignedURL: String?
  var unassignedMethod = ""

  /// Takes one field; false when its form is not the contract's, or its value not understood.
  mutating func read(
    _ tag: WireTag, _ reader: inout WireReader, _ bytes: [UInt8]
  ) throws(DecodingError) -> Bool {
    switch tag.type {
    case .varint: return read(tag.field, try reader.varint())
    case .lengthDelimited:
      return read(tag.field, bytes[try reader.lengthDelimitedRange()])
    case .fixed64, .startGroup, .endGroup, .fixed32: return false
    }
  }

  private mutating func read(_ field: UInt32, _ value: UInt64) -> Bool {
    switch field {
    case 6: break  // The region: a dispatch takes its provider's.
    case 7: takesInbound = value != 0
    case 8: placesOutbound = value != 0
    case 10: state = .init(rawValue: Int32(truncatingIfNeeded: value))
    case 11: webhookGeneration = UInt32(truncatingIfNeeded: value)
    case 20: isSIP = value != 0
    default: return false
    }
    return true
  }

  private mutating func read(_ field: UInt32, _ value: ArraySlice<UInt8>) -> Bool {
    switch field {
    case 1: id = try? PhoneNumberID(utf8: value)
    case 2: tenant = try? TenantID(utf8: value)
    case 4: provider = try? ProviderID(utf8: value)
    case 5: break  // The carrier's id, which no call needs.
    case 14: pendingProvider = try? ProviderID(utf8: value)
    default:
      guard let text = String(validating: value, as: UTF8.self) else { return false }
      switch field {
      case 3: e164 = try? E164(text)
      case 9: agent = try? AgentID(text)
      case 12: unassignedURL = text
      case 13: unassignedMethod = text
      default: return false
      }
    }
    return true
  }
}
