// History: what clients, hosts and operators saw in a simulation: all that the properties are judged by.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/mode.h"
#include "control/mode_request.h"
#include "simulation/schedule.h"

namespace halfdoor {

// What a request asks for, by how the proxy has to treat it.
enum class RequestKind : uint8_t {
  read,        // may be re-sent
  write,       // unsafe by its method
  allowed,     // a POST that an `allow` rule names: goes once, to the side that serves
  denied,      // a GET that a `deny` rule names: as a write
  overridden,  // a method override makes it a write
  read_with_body,
  hidden_override,  // as `allowed`, but its form says otherwise: as a write
  tunnel,           // a WebSocket handshake: passes where writes pass
  local,            // answered by halfdoor itself
  hostile,          // no host may ever see it
};
constexpr bool is_resendable(RequestKind kind) { return kind == RequestKind::read; }
constexpr bool is_unsafe(RequestKind kind) {
  return kind == RequestKind::write || kind == RequestKind::denied || kind == RequestKind::overridden ||
         kind == RequestKind::read_with_body || kind == RequestKind::hidden_override || kind == RequestKind::tunnel;
}
// Stands in the ledger, and is uncertain if its outcome stays unknown.
constexpr bool is_ledgered(RequestKind kind) { return !is_resendable(kind) && kind != RequestKind::tunnel; }
std::string_view to_text(RequestKind kind);

struct RequestRecord {
  int id = 0;
  int client = 0;
  int process = 0;
  int worker = 0;
  size_t service = 0;
  RequestKind kind = RequestKind::read;
  std::string method;
  std::string target;
  uint64_t body_size = 0;
  std::string body_begin;  // the rest follows the pattern
  bool takes_trailers = false;
  bool has_trailer = false;  // X-Trailer: its id

  Micros head_sent_at = kNeverUs;  // the last byte of its head entered the kernel
  Micros all_sent_at = kNeverUs;

  // The final response.
  Micros answered_at = kNeverUs;
  int status = 0;
  int response = 0;  // number of the host's response; 0: halfdoor's own answer
  bool has_retry_after = false;
  std::string mode_field;  // Halfdoor-Mode
  std::string text;        // beginning of the body of an answer of halfdoor's own
  uint64_t body_received = 0;
  std::string trailer;  // X-Trailer
  bool is_complete = false;
  Micros over_at = kNeverUs;    // complete, or its connection is over
  bool client_gave_up = false;  // by an end, a reset, or for good not reading
  bool is_owed_answer = false;  // its connection ended without, and nobody knows why
  Micros follows_us = 0;        // since the answer before it
  bool was_ledgered = false;
  Micros ledgered_at = kNeverUs;
};

// A request as a host saw it.
struct ArrivalRecord {
  int id = 0;
  int host = 0;
  int connection = 0;
  int process = 0;
  int worker = 0;
  Micros first_byte_at = kNeverUs;  // written by the proxy
  Mode mode = Mode::primary;        // that worker's mode then
  uint64_t epoch = 0;
  Micros head_read_at = kNeverUs;
  uint64_t body_read = 0;
  bool is_complete = false;
  Micros status_sent_at = kNeverUs;  // the final status line entered the kernel
  int response = 0;
  Micros tunnel_since = kNeverUs;  // a 101 was sent
  bool misbehaved = false;         // hung, cut, lied or sent nonsense
  bool only_cut = false;           // and that was all: it is noticed at once
  bool closed_on_body = false;     // while that was still coming: a reset follows, and may overtake the answer
};

// A response that a host made.
struct ResponseRecord {
  int number = 0;
  int id = 0;
  int host = 0;
  int status = 200;
  uint64_t size = 0;      // of the body, as announced or as sent until the end
  bool has_body = false;  // what HEAD, 204 and 304 do not have
  bool ends_with_stream = false;
  bool has_trailer = false;  // X-Trailer: its number
  bool is_cut = false;       // less was sent than announced
  Micros sent_at = 0;        // its first byte, at the earliest
};

struct CommandRecord {
  int number = 0;
  int process = 0;
  size_t service = 0;
  ModeRequest request;
  Micros asked_at = kNeverUs;
  Micros answered_at = kNeverUs;
  int answers = 0;
  ChangeAnswer answer;
  bool process_ended = false;
  bool met_others = false;  // of the same service, not answered yet

  // The primary may be asked first, and others may go first.
  Micros answer_is_due_after() const { return (request.wait.count() + 12'000) * kMs; }
};

// A mode that a process put in force.
struct PublicationRecord {
  Micros at = kNeverUs;
  int process = 0;
  size_t service = 0;
  uint64_t epoch = 0;
  Mode mode = Mode::primary;
  bool diverged = false;
  bool is_start = false;
  bool is_automatic = false;           // the process says so, and no operator has acknowledged it
  bool is_automatic_failover = false;  // and it began with this very epoch, in this process
  bool was_persisted = false;          // as far as the process said last
  Micros left_at = kNeverUs;           // the next mode, or the end of the process
  Micros fenced_at = kNeverUs;         // every worker had said so, and the control thread knew
  Micros acknowledged_at = kNeverUs;   // a command was answered: done
};

// A mode in use by a worker.
struct ModeSpan {
  Micros from = 0;
  uint64_t epoch = 0;
  Mode mode = Mode::primary;
  bool diverged = false;
};

struct History {
  std::deque<RequestRecord> requests;  // by id - 1
  std::deque<ArrivalRecord> arrivals;
  std::deque<ResponseRecord> responses;  // by number - 1
  std::deque<CommandRecord> commands;    // by number - 1
  std::deque<PublicationRecord> publications;
  // By process, worker, service.
  std::map<std::tuple<int, int, size_t>, std::vector<ModeSpan>> spans;
  // When a host was (or may have been) in trouble: from, to.
  std::map<int, std::vector<std::pair<Micros, Micros>>> trouble;
  // When it could answer nobody, nor any check.
  std::map<int, std::vector<std::pair<Micros, Micros>>> down;
  // Ids in the list of uncertain writes of any process, and why.
  std::map<int, std::string> uncertain;
  std::vector<Micros> kills;

  RequestRecord& request(int id) { return requests.at(static_cast<size_t>(id - 1)); }
  const RequestRecord* find_request(int id) const {
    return id < 1 || static_cast<size_t>(id) > requests.size() ? nullptr : &requests[static_cast<size_t>(id - 1)];
  }
  ResponseRecord& response(int number) { return responses.at(static_cast<size_t>(number - 1)); }
  const ResponseRecord* find_response(int number) const {
    return number < 1 || static_cast<size_t>(number) > responses.size() ? nullptr
                                                                        : &responses[static_cast<size_t>(number - 1)];
  }
};

// The request that a target belongs to: "/w/17?x=1" is 17; 0: none.
int id_of_target(std::string_view target);

// The byte at `index` of the body number `key`: every body has bytes of its own.
constexpr char pattern_byte(uint64_t key, uint64_t index) {
  const uint64_t z = (key * 0x9E3779B97F4A7C15ULL) ^ ((index / 7 + 1) * 0xBF58476D1CE4E5B9ULL);
  return static_cast<char>('a' + (z >> 40) % 26);
}
std::string pattern(uint64_t key, uint64_t from, uint64_t size);
// Bodies of requests and of responses are told apart.
constexpr uint64_t request_key(int id) { return static_cast<uint64_t>(id) * 2; }
constexpr uint64_t response_key(int number) { return static_cast<uint64_t>(number) * 2 + 1; }
// Of the body of a request.
inline char request_byte(const RequestRecord& request, uint64_t index) {
  return index < request.body_begin.size() ? request.body_begin[index] : pattern_byte(request_key(request.id), index);
}

}  // namespace halfdoor
