// Checker: judges a simulation by its properties, all along and at its end, from the histories of clients, hosts and
// operators. It shares no code with what it judges.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "control/mode_request.h"
#include "simulation/history.h"
#include "simulation/properties.h"
#include "simulation/wire_reader.h"
#include "worker/worker.h"

namespace halfdoor {

class HostConnection;
class SimulatedHost;
class SimulatedWorkerSlot;
struct SimulationContext;

class Checker {
 public:
  struct Failure {
    const Property* property;
    std::string what;
  };

  explicit Checker(History& history) : history_(history) {}
  void set_context(SimulationContext& context) { context_ = &context; }

  // `id`: of the request that it is about; 0: none.
  void fail(const Property& property, const std::string& what, int id);
  const std::vector<Failure>& failures() const { return failures_; }

  // What workers do.
  void on_ledger_begin(int id, uint64_t epoch, Side side, int process);
  void on_worker_fenced(SimulatedWorkerSlot& worker, const FencedReport& report);
  // What hosts see.
  void on_written_to(SimulatedHost& host, HostConnection& connection, int process);
  void on_arrival(SimulatedHost& host, ArrivalRecord& arrival, const WireHead& head);
  void on_partial_arrival(SimulatedHost& host, ArrivalRecord& arrival);
  void on_body_read(SimulatedHost& host, ArrivalRecord& arrival);
  void on_tunnel_bytes(SimulatedHost& host, ArrivalRecord& arrival);
  void on_whole_arrival(ArrivalRecord& arrival, const std::string& trailer);
  // What clients see.
  void on_final_head(const RequestRecord& request, const WireHead& head);
  void on_complete(const RequestRecord& request);
  void on_unasked_answer(int client, const WireHead& head);
  // What operators see, and what the process says.
  void on_start(int process, size_t service, const LatchRecord& record);
  void on_start_failed(int process, const std::string& why);
  void on_publish(int process, const Snapshot& snapshot);
  void on_announce(int process, size_t service, std::string_view what);
  void on_answer(CommandRecord& command);
  void on_process_end(int process, bool was_killed);

  void check_nothing_is_left(SimulatedWorkerSlot& worker, std::string_view when);
  // Nothing happens any more.
  void judge();

 private:
  PublicationRecord* in_force(size_t service);
  PublicationRecord* in_force_at(size_t service, Micros at);
  void check_place(SimulatedHost& host, const ArrivalRecord& arrival);
  bool is_led_by_a_command(int process, const PublicationRecord& before, Mode to, bool& skips_disk);
  void check_latch(size_t service, uint64_t epoch, Mode mode, bool must_be_synced);
  void check_fenced(size_t service, const PublicationRecord& present);
  bool is_service_quiet(size_t service, Mode mode, bool diverged, const SimulatedWorkerSlot* of);

  template <class Predicate>
  bool all_hosts(size_t service, Side side, Predicate holds) const;
  void check_fallback(const RequestRecord& request, const ArrivalRecord& arrival);
  void check_automatic(const PublicationRecord& before, const PublicationRecord& now);
  void check_automatic_failover(const PublicationRecord& now, const std::string& what);

  void judge_automatic();
  void judge_stay(const PublicationRecord& stay, Micros until);
  void judge_answers();
  void judge_refusals();
  void judge_uncertain();
  void judge_reads();
  void judge_commands();
  void judge_fences();
  void judge_promptness(const CommandRecord& command);
  bool may_read_fail(const RequestRecord& request);
  bool may_be_cut(const RequestRecord& request);
  bool was_switched(const RequestRecord& request);
  std::vector<ModeSpan> spans_of(const RequestRecord& request, Micros from);
  bool process_ended_within(int process, Micros from, Micros to);

  History& history_;
  SimulationContext* context_ = nullptr;
  std::vector<Failure> failures_;
  std::map<int, int> arrivals_of_;  // by request, of those that may not be re-sent
  std::map<int, Micros> process_ends_;
  std::map<size_t, Micros> automatic_failovers_;  // the last one of a service
};

// The contract in a few lines (design 1.3, 1.7).
bool may_go(RequestKind kind, Mode mode, bool diverged, Side side);
// Where a verb leads from a mode; empty: nowhere. Two modes: by way of the first.
std::vector<Mode> modes_led_to(Mode from, bool diverged, Verb verb);
bool is_in_use(Mode mode, bool diverged, Side side);
bool is_served_by(Mode mode, Side side);
// After so long at the latest a server that is down, or well again, is known to be.
Micros detection(const ServiceConfig& service);

}  // namespace halfdoor
