extension DiagnosisCode {
  /// What to do about it; empty when nothing needs doing. `docs/doctor.md` has the same words.
  package var remedy: String {
    credentialsRemedy ?? publicURLRemedy ?? numberRemedy ?? carrierRemedy ?? ""
  }

  private var credentialsRemedy: String? {
    switch self {
    case .credentialsRefused, .authTokenRefused:
      "Give the provider the present secret, with UpdateProvider."
    case .credentialsOfOtherRegion:
      "Give the provider credentials that were made in its own region, or link the account in the "
        + "region that is named."
    case .credentialsOfOtherAccount:
      "Give the provider credentials of its own account; a sub-account has its own."
    case .credentialsForTests:
      "Give the provider an API key or the Auth Token of the live account."
    case .accountInactive: "Have the account activated at the carrier."
    case .carrierUnavailable:
      "Repeat in a while. If it stays so, see whether this server can reach the carrier's hosts."
    case .carrierNotExamined: "Mend the credentials first, then repeat."
    case .authTokenMissing:
      "Give the provider the account's Auth Token, with UpdateProvider, and the carrier's "
        + "signature is checked."
    case .keyLacksNumbers:
      "Let the key read and update phone numbers, or take a standard key."
    case .keyLacksCalls: "Let the key read and update calls, or take a standard key."
    case .keyLacksRoutes:
      "Let the key read and update the routes of phone numbers, or take a standard key."
    case .keyLacksDialingPermissions:
      "Let the key read dialing permissions, or look at them in the carrier's console."
    case .gatewayKeyUnknown:
      "Give the provider a key that the server knows; for another server or project link a "
        + "provider of its own."
    case .gatewayNotPermitted:
      "Let the key see and change SIP trunks and dispatch rules (the grant sip.admin)."
    case .gatewayClockDiffers:
      "Set the clocks of this server and of the LiveKit server by NTP: a token lives a minute."
    case .gatewayUnreachable:
      "See that the LiveKit server is up, and that this server can reach it. If it stays so, "
        + "correct the provider's url."
    case .gatewayNotLiveKit:
      "Correct the provider's url, or what stands between: a LiveKit server with its SIP service "
        + "has to answer below /twirp."
    case .keyLacksTrunks:
      "Let the key read Elastic SIP trunks, or look at the trunk in the carrier's console."
    default: nil
    }
  }

  private var publicURLRemedy: String? {
    switch self {
    case .publicURLMissing:
      "Start registry and dispatch with --public-url for the provider's region."
    case .publicURLNotHTTPS:
      "Put a proxy with TLS before the webhook listener, and give its https address as "
        + "--public-url."
    case .publicURLNotPublic:
      "Give an address as --public-url that the carrier can reach from the internet."
    case .publicURLUnresolvable: "Mend the name in --public-url, or the DNS record of it."
    case .publicURLUnreachable:
      "See that the dispatch runs, and that proxy and firewall let connections through to its "
        + "--webhook-listen."
    case .publicURLTimedOut:
      "See what between the public URL and the dispatch's --webhook-listen swallows requests."
    case .publicURLTLSFailed:
      "Give the proxy at the public URL a valid certificate of that name."
    case .publicURLOfOtherServer:
      "Let the proxy at the public URL pass every path below /v1/ on to --webhook-listen, "
        + "unchanged, or correct --public-url."
    case .publicURLOfOtherKeyring:
      "Give registry and dispatch the same keyring, or correct --public-url."
    case .publicURLDiffers:
      "Start registry and dispatch with the same --public-url for the provider's region."
    default: nil
    }
  }

  private var numberRemedy: String? {
    switch self {
    case .numberUnsettled: "Wait for its operation, and repeat."
    case .numberCorrupted:
      "Repair the number (RepairPhoneNumber): what is left at the carrier is tried anew."
    case .numberVanished:
      "It was released or moved to another account. Delete it here; import it again where it is."
    case .numberWithoutVoice: "Take a number that can be called, or ask the carrier."
    case .numberNotRead, .processingRegionNotRead, .countryNotRead, .trunkNotRead:
      "Repeat in a while."
    case .webhookMissing, .webhookOutdated:
      "Repair the number (RepairPhoneNumber): that writes the webhook."
    case .webhookTakenOver, .fallbackReplaced, .statusCallbackReplaced, .webhookMethodChanged:
      "Find out who set it. To have it back, repair the number (RepairPhoneNumber)."
    case .webhookOverriddenByApplication, .webhookOverriddenByTrunk, .numberOffTrunk:
      "Find out who set it. To have the calls back, repair the number (RepairPhoneNumber)."
    case .numberTrunkMissing, .originationURLMissing, .trunkCredentialsMissing,
      .gatewayTrunkMissing, .dispatchRuleMissing:
      "Repair the number (RepairPhoneNumber): that makes it again."
    case .trunkDomainChanged:
      "Give the trunk its domain back in the carrier's console, or delete the number and import it "
        + "again."
    case .originationURLChanged, .gatewayTrunkChanged, .dispatchRuleChanged:
      "Find out who changed it. To have it back, repair the number (RepairPhoneNumber)."
    case .processingRegionMoved:
      "Repair the number (RepairPhoneNumber), or move it to a provider of the other region "
        + "(MovePhoneNumber)."
    default: nil
    }
  }

  private var carrierRemedy: String? {
    switch self {
    case .countryBlocked: "Allow the country in the carrier's voice geographic permissions."
    case .countryHighRiskOpen:
      "Block the country's high-risk numbers in the carrier's voice geographic permissions, unless "
        + "they are meant to be called."
    case .countryUnknown: "Correct the country's code."
    case .trunkMissing: "Put the number on a trunk that exists, or take it off."
    case .trunkWithoutOrigination: "Add an origination URL to the trunk, or switch one on."
    case .trunkWithoutFallback: "A second origination URL takes the calls when the first fails."
    case .trunkWithoutAccessList:
      "Attach a credential list or an IP access control list: without one the trunk takes no "
        + "outbound call."
    case .trunkNotSecure: "Switch on secure trunking where the other side speaks TLS and SRTP."
    case .diagnosisUnfinished: "Repeat with more time, or look at fewer numbers."
    default: nil
    }
  }
}
