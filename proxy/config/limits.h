// Every limit and timeout of the data path with its default, unit and reason: the tables [limits] and [timeouts].
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/text.h"

namespace halfdoor {

// Sizes in bytes.
struct Limits {
  uint64_t request_line = 8 << 10;           // over it: 414
  uint64_t request_head = 32 << 10;          // over it: 431
  uint64_t request_fields = 100;             // over it: 431
  uint64_t response_head = 64 << 10;         // over it: 502
  uint64_t response_fields = 200;            // over it: 502
  uint64_t chunk_line = 1 << 10;             // a size and its extensions; over it: 400 and close
  uint64_t chunk_extensions = 16 << 10;      // all of a message
  uint64_t interim_responses = 16;           // per request; over it: 502
  uint64_t buffer = 32 << 10;                // per exchange and direction; over it: stop reading
  uint64_t refused_body = 16 << 20;          // read and thrown away, so that the client gets to read the notice
  uint64_t inspect_body = 64 << 10;          // looked into for overrides; over it: refused
  uint64_t requests_per_connection = 10000;  // then a polite close
  uint64_t connections = 0;                  // 0: from RLIMIT_NOFILE
  uint64_t connections_per_client = 0;       // over all workers; 0: off
  uint64_t writes_in_flight = 4096;          // per worker: slots in state_dir/inflight.N; over it: 503
  uint64_t memory = 0;                       // that clients may make us hold; 0: from the machine or cgroup

  bool operator==(const Limits&) const = default;
};

struct Timeouts {
  Milliseconds request_head{10'000};     // absolute, from the first byte (or the connection) to the end of the head
  Milliseconds request_body{30'000};     // without a byte while we are willing to read
  Milliseconds refused_body{30'000};     // for throwing away the body of a refused request
  Milliseconds keep_alive{60'000};       // between two requests
  Milliseconds client_write{30'000};     // a client that does not read
  Milliseconds connect{3'000};           // to a server
  Milliseconds first_byte{60'000};       // from the request sent to the first byte of the response
  Milliseconds response_body{60'000};    // without a byte of a response
  Milliseconds event_stream{3'600'000};  // the same for text/event-stream
  Milliseconds pool_idle{4'000};         // a pooled connection
  Milliseconds pool_fresh{1'000};        // a request that may not be re-sent takes only one used within this
  Milliseconds tunnel_idle{3'600'000};
  Milliseconds linger{1'000};  // lingering close

  bool operator==(const Timeouts&) const = default;
};

// Under this rate over 10 s a request body counts as stalled.
inline constexpr uint64_t kSlowestBodyBytesPerSecond = 1024;
// What a lingering close, or an early answer, still reads and throws away.
inline constexpr uint64_t kLingerBytes = 64 << 10;

// How much a configuration may list. What is over it is refused with its line before anything is bound: no request is
// to pay for a list that grew by mistake, and server numbers are bits of a word.
struct ListLimits {
  static constexpr size_t services = 10'000;
  static constexpr size_t hosts = 10'000;  // per service
  static constexpr size_t servers = 64;    // per side
  static constexpr size_t rules = 1'000;   // in allow, in deny
  static constexpr size_t names = 100;     // in override_names, in graphql, in resolver.servers
  static constexpr size_t listeners = 100;
  static constexpr size_t trusted_proxies = 1'000;  // per listener
};

}  // namespace halfdoor
