// A load of unary gRPC calls, for `make bench`: as light beside its server as pgbench is beside
// PostgreSQL, since both share the machine with what they measure. h2load is too, but has one
// message for all calls.
//
//   grpc-load PORT PATH MESSAGES TOKEN CONNECTIONS CALLERS SECONDS RATE
//
// MESSAGES is a file of messages, each behind its length as 4 bytes, the highest first. Each
// connection to 127.0.0.1 has so many callers, who ask one after the other; a caller begins at a
// place of its own in the file and goes round. With a RATE all together make so many calls a second,
// with 0 as many as they can. A call has failed unless its trailers say `grpc-status: 0`. It prints
// one line of JSON; the times are from asking to the end of the answer, in microseconds.

#include <arpa/inet.h>
#include <nghttp2/nghttp2.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct connection {
  nghttp2_session *session;
  int socket;
  // What the session wants to send and the socket did not take.
  const uint8_t *rest;
  size_t rest_size;
};

struct caller {
  struct connection *connection;
  // Its next message, and what of it, with gRPC's prefix, was sent.
  size_t next, sent;
  uint64_t begun, due;
  int is_asking, is_right;
};

static const char *path, *token;
static char authority[32], bearer[4096];
static const uint8_t **messages;
static uint32_t *sizes;
static size_t message_count;
static struct connection *connections;
static struct caller *callers;
static size_t connection_count, caller_count;
static uint64_t interval, end;
static uint32_t *times;
static size_t time_count, time_room, failure_count, byte_count, asking_count;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void read_messages(const char *name) {
  FILE *file = fopen(name, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) fail(name);
  size_t size = (size_t)ftell(file);
  rewind(file);
  uint8_t *bytes = malloc(size + 1);
  if (bytes == NULL || fread(bytes, 1, size, file) != size) fail(name);
  fclose(file);
  messages = malloc((size / 4 + 1) * sizeof *messages);
  sizes = malloc((size / 4 + 1) * sizeof *sizes);
  for (size_t place = 0; place + 4 <= size;) {
    uint32_t length;
    memcpy(&length, bytes + place, 4);
    length = ntohl(length);
    if (length > size - place - 4) break;
    messages[message_count] = bytes + place + 4;
    sizes[message_count++] = length;
    place += 4 + length;
  }
  if (message_count == 0) fail("no messages");
}

static ssize_t read_message(
    nghttp2_session *session, int32_t stream, uint8_t *buffer, size_t room, uint32_t *flags,
    nghttp2_data_source *source, void *context) {
  (void)session, (void)stream, (void)context;
  struct caller *caller = source->ptr;
  uint32_t size = sizes[caller->next];
  uint8_t prefix[5] = {0, (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8),
                       (uint8_t)size};
  size_t written = 0;
  while (written < room && caller->sent < sizeof prefix) buffer[written++] = prefix[caller->sent++];
  size_t done = caller->sent - sizeof prefix, left = size - done;
  if (caller->sent >= sizeof prefix && written < room) {
    size_t part = left < room - written ? left : room - written;
    memcpy(buffer + written, messages[caller->next] + done, part);
    caller->sent += part;
    written += part;
  }
  if (caller->sent == sizeof prefix + size) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return (ssize_t)written;
}

#define HEADER(name, value) \
  { (uint8_t *)(name), (uint8_t *)(value), sizeof(name) - 1, strlen(value), \
    NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE }

static void ask(struct caller *caller, uint64_t time) {
  nghttp2_nv headers[] = {
      HEADER(":method", "POST"), HEADER(":scheme", "http"), HEADER(":path", path),
      HEADER(":authority", authority), HEADER("te", "trailers"),
      HEADER("content-type", "application/grpc"), HEADER("authorization", bearer)};
  nghttp2_data_provider body = {.source = {.ptr = caller}, .read_callback = read_message};
  caller->begun = time;
  caller->sent = 0;
  caller->is_right = 0;
  int32_t stream = nghttp2_submit_request(
      caller->connection->session, NULL, headers, sizeof headers / sizeof *headers, &body, caller);
  if (stream < 0) fail("nghttp2_submit_request");
  caller->is_asking = 1;
  asking_count++;
}

// Asks for each caller whose time has come; answers how long the next one has to wait, in ns.
static uint64_t ask_when_due(uint64_t time) {
  uint64_t wait = end > time ? end - time : 0;
  for (size_t index = 0; interval > 0 && index < caller_count; index++) {
    struct caller *caller = &callers[index];
    if (caller->is_asking || caller->due >= end) continue;
    if (caller->due <= time && time < end) {
      caller->due += interval;
      ask(caller, time);
    } else if (caller->due > time && caller->due - time < wait) {
      wait = caller->due - time;
    }
  }
  return wait;
}

static int header_came(
    nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_size,
    const uint8_t *value, size_t value_size, uint8_t flags, void *context) {
  (void)flags, (void)context;
  if (name_size == 11 && memcmp(name, "grpc-status", 11) == 0) {
    struct caller *caller = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (caller != NULL) caller->is_right = value_size == 1 && value[0] == '0';
  }
  return 0;
}

static int data_came(
    nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t size,
    void *context) {
  (void)session, (void)flags, (void)stream, (void)data, (void)context;
  byte_count += size;
  return 0;
}

static int stream_ended(
    nghttp2_session *session, int32_t stream, uint32_t error, void *context) {
  (void)context;
  struct caller *caller = nghttp2_session_get_stream_user_data(session, stream);
  if (caller == NULL) return 0;
  uint64_t time = now();
  asking_count--;
  caller->is_asking = 0;
  caller->next = (caller->next + 1) % message_count;
  if (error != 0 || !caller->is_right) {
    failure_count++;
  } else {
    if (time_count == time_room) {
      time_room = time_room * 2 + 1024;
      times = realloc(times, time_room * sizeof *times);
      if (times == NULL) fail("realloc");
    }
    times[time_count++] = (uint32_t)((time - caller->begun) / 1000);
  }
  if (interval == 0 && time < end) ask(caller, time);
  return 0;
}

static void flush(struct connection *connection) {
  for (;;) {
    if (connection->rest_size == 0) {
      ssize_t size = nghttp2_session_mem_send(connection->session, &connection->rest);
      if (size < 0) fail("nghttp2_session_mem_send");
      if (size == 0) return;
      connection->rest_size = (size_t)size;
    }
    // Frames are small: all that can go out together does.
    uint8_t buffer[1 << 16];
    size_t filled = 0;
    while (connection->rest_size > 0 && filled + connection->rest_size <= sizeof buffer) {
      memcpy(buffer + filled, connection->rest, connection->rest_size);
      filled += connection->rest_size;
      ssize_t size = nghttp2_session_mem_send(connection->session, &connection->rest);
      if (size < 0) fail("nghttp2_session_mem_send");
      connection->rest_size = (size_t)size;
    }
    // Requests are far smaller than a socket's buffer, so that a send takes them whole.
    if (filled == 0 || send(connection->socket, buffer, filled, 0) != (ssize_t)filled) fail("send");
  }
}

static void receive(struct connection *connection) {
  uint8_t buffer[1 << 16];
  ssize_t size = recv(connection->socket, buffer, sizeof buffer, 0);
  if (size <= 0) fail("recv");
  if (nghttp2_session_mem_recv(connection->session, buffer, (size_t)size) != size) {
    fail("nghttp2_session_mem_recv");
  }
}

static void connect_to(struct connection *connection, uint16_t port, int poll) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connection->socket = socket(AF_INET, SOCK_STREAM, 0);
  int on = 1;
  // A first window of 64 KiB is less than one long page. Over loopback, whose segments are as long,
  // the kernel opens it after 40 ms: that would be this client's time and not the server's.
  int room = 1 << 20;
  if (setsockopt(connection->socket, SOL_SOCKET, SO_RCVBUF, &room, sizeof room) != 0 ||
      connect(connection->socket, (struct sockaddr *)&address, sizeof address) != 0 ||
      setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
    fail("connect");
  }
  nghttp2_session_callbacks *callbacks;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, header_came);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, data_came);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_ended);
  nghttp2_session_client_new(&connection->session, callbacks, NULL);
  nghttp2_session_callbacks_del(callbacks);
  // Windows that no page of answers fills: none has to be opened again for each.
  nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 16 << 20}, {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
  nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, settings, 2);
  nghttp2_session_set_local_window_size(connection->session, NGHTTP2_FLAG_NONE, 0, 64 << 20);
  struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = connection}};
  if (epoll_ctl(poll, EPOLL_CTL_ADD, connection->socket, &event) != 0) fail("epoll_ctl");
}

static int by_size(const void *left, const void *right) {
  uint32_t one = *(const uint32_t *)left, other = *(const uint32_t *)right;
  return one < other ? -1 : one > other;
}

static uint32_t at(size_t percent) {
  return time_count == 0 ? 0 : times[time_count * percent / 100];
}

static void run(int poll, uint64_t seconds) {
  uint64_t start = now();
  end = start + seconds * 1000000000;
  for (size_t index = 0; index < caller_count; index++) {
    struct caller *caller = &callers[index];
    caller->connection = &connections[index % connection_count];
    caller->next = message_count / caller_count * index;
    // Spread over the interval, so that not all ask at once.
    caller->due = start + interval * index / caller_count;
    if (interval == 0) ask(caller, start);
  }
  struct epoll_event events[64];
  for (uint64_t time = start; time < end || asking_count > 0; time = now()) {
    uint64_t wait = ask_when_due(time);
    for (size_t index = 0; index < connection_count; index++) flush(&connections[index]);
    struct timespec timeout = {(time_t)(wait / 1000000000), (long)(wait % 1000000000)};
    // After the end the last answers are waited for, but not for ever.
    if (time >= end) timeout.tv_sec = 30;
    int count = epoll_pwait2(poll, events, 64, &timeout, NULL);
    if (count < 0 || (count == 0 && time >= end)) fail("no answer");
    for (int index = 0; index < count; index++) receive(events[index].data.ptr);
  }
  double took = (double)(now() - start) / 1e9;
  qsort(times, time_count, sizeof *times, by_size);
  printf(
      "{\"calls\": %zu, \"calls_per_second\": %.1f, \"p50_us\": %u, \"p99_us\": %u, "
      "\"max_us\": %u, \"size\": %zu, \"failures\": %zu}\n",
      time_count, (double)time_count / took, at(50), at(99),
      time_count == 0 ? 0 : times[time_count - 1], byte_count, failure_count);
}

int main(int count, char **arguments) {
  if (count != 9) {
    fprintf(stderr, "grpc-load PORT PATH MESSAGES TOKEN CONNECTIONS CALLERS SECONDS RATE\n");
    return 64;
  }
  uint16_t port = (uint16_t)atoi(arguments[1]);
  path = arguments[2];
  read_messages(arguments[3]);
  token = arguments[4];
  snprintf(authority, sizeof authority, "127.0.0.1:%u", port);
  snprintf(bearer, sizeof bearer, "Bearer %s", token);
  connection_count = (size_t)atoi(arguments[5]);
  caller_count = connection_count * (size_t)atoi(arguments[6]);
  uint64_t rate = (uint64_t)atoll(arguments[8]);
  interval = rate > 0 ? 1000000000 * caller_count / rate : 0;
  connections = calloc(connection_count, sizeof *connections);
  callers = calloc(caller_count, sizeof *callers);
  if (connections == NULL || callers == NULL || caller_count == 0) fail("no callers");
  int poll = epoll_create1(0);
  for (size_t index = 0; index < connection_count; index++) {
    connect_to(&connections[index], port, poll);
  }
  run(poll, (uint64_t)atoll(arguments[7]));
  return failure_count == 0 ? 0 : 1;
}
