/// How the CLI reaches the server, and what it shows there.
package struct Connection: Sendable {
  /// What TLS is spoken with; the files are the executable's to read.
  package struct TLS: Sendable, Hashable {
    /// nil: the system's authorities.
    package let authorities: String?
    package let certificate: String?
    package let key: String?
  }

  package let server: HostPort
  /// nil: plaintext.
  package let tls: TLS?
  /// Sent with each call; nil: none.
  let token: String?

  init(_ values: Arguments, _ console: Console) throws(CommandFailure) {
    do throws(ArgumentError) {
      server = try values.value(Global.server)
      tls = try Self.tls(values)
    } catch {
      throw .usage(error)
    }
    token = try Self.token(values, console)
    let isInsecure: Bool
    do throws(ArgumentError) {
      isInsecure = try values.value(Global.isInsecure)
    } catch {
      throw .usage(error)
    }
    guard token == nil || tls != nil || isInsecure || server.isLoopback else {
      throw .usage(
        .conflict(
          "The token would travel to \(server) for others to read. Give --tls or --tls-ca, or "
            + "accept it with --insecure."))
    }
  }

  private static func tls(_ values: Arguments) throws(ArgumentError) -> TLS? {
    let authorities = try values.value(Global.tlsAuthorities)
    let certificate = try values.value(Global.tlsCertificate)
    let key = try values.value(Global.tlsKey)
    guard (certificate == nil) == (key == nil) else {
      throw .conflict("A certificate needs its key: give --tls-cert and --tls-key.")
    }
    guard try values.value(Global.isTLS) || authorities != nil || certificate != nil else {
      return nil
    }
    return TLS(authorities: authorities, certificate: certificate, key: key)
  }

  /// The command line's token goes before the environment's; of two on the command line none is
  /// guessed to be meant.
  private static func token(
    _ values: Arguments, _ console: Console
  ) throws(CommandFailure) -> String? {
    var text: String
    do throws(ArgumentError) {
      let given = try values.value(Global.token)
      let file = try values.value(Global.tokenFile)
      if let given, let file {
        guard values.isOnCommandLine(Global.token) != values.isOnCommandLine(Global.tokenFile)
        else { throw .conflict("Give --token or --token-file, not both.") }
        if values.isOnCommandLine(Global.token) {
          text = given
        } else {
          text = try read(file, console)
        }
      } else if let given {
        text = given
      } else if let file {
        text = try read(file, console)
      } else {
        return nil
      }
    } catch {
      throw .usage(error)
    }
    while text.last?.isNewline == true { text.removeLast() }
    // A header can hold nothing else; the text itself is not quoted.
    guard !text.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      throw .usage(.conflict("What was given as a token is none: it begins with trk_."))
    }
    return text
  }

  private static func read(
    _ path: String, _ console: Console
  ) throws(ArgumentError) -> String {
    do throws(ConsoleError) {
      return try console.read(path, Console.secretSizeMax)
    } catch {
      throw .conflict("The token: \(error)")
    }
  }
}

extension HostPort {
  /// Whether it names this machine.
  package var isLoopback: Bool {
    host == "localhost" || host == "::1"
      || (host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." })
  }
}
