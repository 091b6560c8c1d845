extension Diagnosis {
  mutating func judgePublicURL() {
    let region = facts.provider.region
    switch facts.publicURL {
    case .missing:
      add(.publicURLMissing, "No --public-url is configured for \(region).")
    case .configured(let url, let answer):
      let host = WebAddress.host(of: url)
      if let address = WebAddress(url) {
        if !address.isHTTPS {
          add(
            .publicURLNotHTTPS,
            "The public URL of \(region) begins with http: what callers say of themselves and the "
              + "webhooks' tokens go to \(host) in the clear.")
        }
        if address.isPrivate {
          add(
            .publicURLNotPublic,
            "\(host) is a name or an address of this machine or of a local network.")
        }
      }
      if let answer { judge(answer, at: host) }
    }
  }

  private mutating func judge(_ answer: PublicURLAnswer, at host: String) {
    let region = facts.provider.region
    switch answer {
    case .ours:
      add(.publicURLAnswers, "A dispatch of this deployment answered for \(region) at \(host).")
    case .oursUnderOtherURL:
      add(
        .publicURLDiffers,
        "The dispatch that answers at \(host) has another --public-url for \(region), or none, so "
          + "that it finds no signature good.")
    case .otherKeyring:
      add(.publicURLOfOtherKeyring, "A Trunkline with another keyring answers at \(host).")
    case .otherServer(let status):
      let words = status.map { "HTTP status \($0)" } ?? "it does not speak HTTP"
      add(
        .publicURLOfOtherServer, "What answers at \(host) is not the webhook listener: \(words).")
    case .unresolvable: add(.publicURLUnresolvable, "\(host) has no address.")
    case .unreachable:
      add(.publicURLUnreachable, "No connection with \(host) came about, or it broke.")
    case .timedOut: add(.publicURLTimedOut, "\(host) did not answer in time.")
    case .tlsFailed:
      add(
        .publicURLTLSFailed,
        "\(host) was reached, but TLS failed: its certificate is expired, of another name, or of "
          + "an authority that is not trusted.")
    case .notAsked(let why): add(.publicURLUnreachable, "\(host) was not asked: \(why)")
    }
  }
}
