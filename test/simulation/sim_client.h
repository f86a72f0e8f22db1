// SimulatedClient: somebody on the other side of the proxy: one connection and what is asked on it, honestly or not.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "simulation/dice.h"
#include "simulation/far_end.h"
#include "simulation/history.h"
#include "simulation/wire_reader.h"

namespace halfdoor {

struct SimulationContext;
class SimulatedProcess;
class SimulatedWorkerSlot;

class SimulatedClient final : private FarEnd::Owner, private WireReader::User {
 public:
  SimulatedClient(SimulationContext& context, int number);

  void connect(SimulatedProcess& process, SimulatedWorkerSlot& worker);
  // Nothing new; what was begun is done properly, or left.
  void calm_down();
  // One request that is done properly, on a connection of its own; for the end of a simulation.
  void ask_once(SimulatedProcess& process, SimulatedWorkerSlot& worker, size_t service, RequestKind kind);
  bool is_over() const { return far_.is_over() || far_.has_reset(); }
  bool has_outstanding() const { return !outstanding_.empty(); }
  int last_id() const { return last_id_; }

 private:
  struct Sent {
    int id;
    uint64_t head_end;  // stream offset
    uint64_t end;
    bool is_http10;
  };

  void on_bytes(std::string_view bytes) override;
  void on_over(bool by_reset) override;
  void on_entered() override;
  void on_head(const WireHead& head) override;
  void on_body(std::string_view bytes) override;
  void on_message_end() override;

  void next();
  void next_later(Micros delay);
  void ask();
  void ask_hostile();
  int next_id() const;
  void send_request(size_t service, RequestKind kind);
  void note_sent(RequestRecord record, uint64_t head_end, uint64_t end);
  void send_bytes(const std::string& bytes);
  void send_held_body();
  void misbehave_later();
  void leave(const char* how, bool for_good);
  void note_interim(const WireHead& head);
  void begin_tunnel(const WireHead& head);
  void talk_later();
  RequestRecord* front();

  SimulationContext& context_;
  const int number_;
  const std::string name_;
  Dice dice_;
  SimulatedProcess* process_ = nullptr;
  int process_number_ = 0;
  int worker_ = 0;
  FarEnd far_;
  WireReader reader_;
  std::deque<Sent> outstanding_;  // asked, not answered to the end
  std::string held_body_;         // waits for a 100
  uint64_t queued_ = 0;           // bytes given to far_
  int requests_left_ = 0;
  int last_id_ = 0;
  uint64_t talked_ = 0;  // bytes of ours in a tunnel
  bool pipelines_ = false;
  bool is_http10_ = false;
  bool is_done_ = false;     // asks nothing more
  bool asks_close_ = false;  // its last request does
  bool had_early_answer_ = false;
  bool has_shut_ = false;    // or closed, or reset
  bool has_paused_ = false;  // did not read for a while
  Micros last_answer_at_ = kNeverUs;
  bool is_answering_ = false;  // within a final response
  bool gets_close_ = false;    // the response said so
};

}  // namespace halfdoor
