extension PostgresCluster {
  /// What the supervising shell does. Arguments: the folder of the programs, the cluster's folder,
  /// and the words that start a program as an unprivileged user.
  ///
  /// It takes a command a line, answers each with a line, and cleans up when its input ends.
  static let script = #"""
    programs=$1 folder=$2 user=$3 port= server=

    # The server and its children; each child is in a session of its own.
    kill_all() {
      [ -n "$server" ] || return 0
      children=$(cat "/proc/$server/task/$server/children" 2> /dev/null)
      kill -KILL "$server" $children 2> /dev/null
      wait "$server" 2> /dev/null
      server=
      # A child that is not gone yet holds the port or the shared memory.
      for child in $children; do
        while kill -0 "$child" 2> /dev/null; do sleep 0.01; done
      done
    }

    clean_up() {
      kill_all
      rm -rf "$folder"
    }
    trap clean_up EXIT
    trap 'exit 1' HUP INT TERM

    initialize() {
      chmod 600 "$folder/server.key"
      if [ -n "$user" ]; then chown -R 65534:65534 "$folder"; fi
      cd "$folder"
      $user "$programs/initdb" --pgdata=data --username=postgres --auth=trust --encoding=UTF8 \
        --locale=C --no-sync --no-instructions > log 2>&1 < /dev/null || return 1
      $user tee -a data/postgresql.conf > /dev/null << END
    listen_addresses = '127.0.0.1'
    unix_socket_directories = '$folder'
    shared_buffers = 16MB
    fsync = off
    jit = off
    deadlock_timeout = 100ms
    ssl = on
    ssl_cert_file = '$folder/server.crt'
    ssl_key_file = '$folder/server.key'
    $(cat settings)
    END
      # A user with a password; everybody else is trusted.
      { echo 'host all locked 127.0.0.1/32 scram-sha-256'; cat data/pg_hba.conf; } > hba
      $user tee data/pg_hba.conf < hba > /dev/null
    }

    # Starts the server on $port and waits until it takes connections.
    start() {
      # Output to a file: a pipe of ours would be held open by the server's children.
      $user "$programs/postgres" -D "$folder/data" -p "$port" >> "$folder/log" 2>&1 < /dev/null &
      server=$!
      for _ in $(seq 1200); do
        "$programs/pg_isready" -q -h "$folder" -p "$port" && return 0
        kill -0 "$server" 2> /dev/null || break
        sleep 0.05
      done
      kill_all
      return 1
    }

    # Ports below the range that the kernel gives to clients.
    start_somewhere() {
      for _ in $(seq 20); do
        port=$((20000 + RANDOM % 12000))
        start && return 0
        grep -q 'could not create any TCP/IP sockets' "$folder/log" || return 1
      done
      return 1
    }

    while read -r command; do
      case $command in
        begin) initialize && start_somewhere || exit 1; echo "$port" ;;
        start) start && echo done || echo failed ;;
        kill) kill_all; echo done ;;
        stop) kill -INT "$server"; wait "$server"; server=; echo done ;;
      esac
    done
    """#
}
