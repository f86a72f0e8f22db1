// Filter: what may be done to a message. Filters live in filters/, one file each; exchange/ applies them.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/address.h"
#include "base/arena.h"
#include "config/snapshot.h"
#include "exchange/access_log.h"
#include "http/head.h"

namespace halfdoor {

struct BodyFindings;

// What a filter may know about the exchange. Everything in it lives at least as long as the exchange; text that a
// filter makes for a head goes into `arena`.
struct RequestContext {
  Arena* arena = nullptr;
  const Config* config = nullptr;
  const ListenConfig* listener = nullptr;
  const ServiceConfig* service = nullptr;
  const ServiceState* state = nullptr;   // the mode by which this exchange is judged
  const RequestHead* request = nullptr;  // the original, as the client sent it
  const BodyFindings* body = nullptr;    // what was found in the request's body, once it has been inspected
  std::string_view request_id;
  std::string_view client_address;  // without port; "unix:" for Unix sockets
  std::string_view server_name;     // "host:port" of this connection's local end
  bool is_tls = false;
  bool peer_is_trusted = false;  // the peer is one of listener->trusted_proxies
  int64_t wall_seconds = 0;      // Unix time, for people
  uint32_t jitter = 0;           // a random number of this exchange, for Retry-After
  // Of the attempt; `primary` and false for local replies.
  Side side = Side::primary;
  bool is_fallback = false;     // on the other side than the mode's
  bool is_local_reply = false;  // the response was made here
};

// An answer made here instead of by a host. Its head goes through rewrite_response like any other; the framing is
// chosen by the codec. Text lives in the arena of the exchange or for ever.
struct LocalReply {
  ResponseHead head;                 // status and fields; without Content-Length
  std::string_view body;             // sent with GET; HEAD gets its length only
  bool discards_body = false;        // read the request's body and throw it away (limits.refused_body)
  bool closes = false;               // Connection: close afterwards
  Outcome outcome = Outcome::local;  // for the access log
};

// Changes a body on its way. Owned by the exchange; used by nothing before filters that need it exist.
class BodyFilter {
 public:
  virtual ~BodyFilter() = default;
  virtual void push(std::string_view bytes, std::string& out) = 0;
  virtual void finish(std::string& out) = 0;
};

// Which of the head hooks do something.
struct FilterHooks {
  bool admit = true;
  bool rewrite_request = true;
  bool rewrite_response = true;
};

// One instance per worker and configuration; keeps nothing about one exchange. All hooks are synchronous.
class Filter {
 public:
  virtual ~Filter() = default;
  virtual std::string_view name() const = 0;
  // What this filter does for a service in a mode; the other hooks are not called there.
  virtual FilterHooks hooks(const ServiceConfig&, Mode) const { return {}; }
  // May this go on? The first filter that answers decides.
  virtual std::optional<LocalReply> admit(const RequestContext&, const RequestHead&) { return std::nullopt; }
  // The copy that is sent to the host, made per attempt from the original. Hop-by-hop fields are gone already.
  virtual void rewrite_request(const RequestContext&, RequestHead&) {}
  // What the client sees, local replies too.
  virtual void rewrite_response(const RequestContext&, ResponseHead&) {}
  virtual std::unique_ptr<BodyFilter> request_body(const RequestContext&, const RequestHead&) { return nullptr; }
  virtual std::unique_ptr<BodyFilter> response_body(const RequestContext&, const ResponseHead&) { return nullptr; }
};

}  // namespace halfdoor
