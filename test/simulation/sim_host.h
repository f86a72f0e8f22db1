// SimulatedHost: a server behind the proxy. In good times it answers correctly, in its own ways and at its own speed;
// in trouble it refuses, hangs, cuts, lies or talks nonsense.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "simulation/far_end.h"
#include "simulation/history.h"
#include "simulation/wire_reader.h"

namespace halfdoor {

struct SimulationContext;
class SimulatedHost;
class SimulatedWorkerSlot;

// One connection of the proxy with a host.
class HostConnection final : private FarEnd::Owner, private WireReader::User {
 public:
  HostConnection(SimulationContext& context, SimulatedHost& host, SimulatedWorkerSlot& worker, int process, int number);

  FarEnd& far() { return far_; }
  // The host does not run, or runs again.
  void freeze();
  void thaw() { far_.thaw(); }
  // What it still owes will never come; the faults are over, so that it ends.
  void give_up();
  const SimulatedWorkerSlot& worker() const { return worker_; }
  // A write is under way for which no final status line has been sent.
  const ArrivalRecord* open_arrival() const { return arrival_; }
  bool has_tunnel() const { return reader_.is_raw() && far_.is_held(); }
  bool has_unread() { return !far_.connection().to_peer.empty(); }

 private:
  // How a request is going to be answered.
  struct Plan {
    bool at_head = false;  // before the body has come
    bool never = false;
    bool opens_tunnel = false;
    Micros delay = 0;
    std::string interim;
    std::string bytes;  // of the final response
    size_t cut_at = 0;  // so many of them; npos: all
    enum class Then : uint8_t { stay, finish, close, reset, hang } then = Then::stay;
  };
  struct Mark {
    uint64_t end;  // stream offset behind these bytes
    Micros at;
    Mode mode;
    uint64_t epoch;
  };

  void on_bytes(std::string_view bytes) override;
  void on_over(bool by_reset) override;
  void on_proxy_about_to_write() override;
  void on_proxy_wrote(size_t bytes) override;
  void on_head(const WireHead& head) override;
  void on_body(std::string_view bytes) override;
  void on_message_end() override;

  void open_record(int id, uint64_t start);
  Plan make_plan(const WireHead& head);
  void make_response(Plan& plan, const WireHead& head);
  void spoil(Plan& plan, const WireHead& head);
  void answer_later();
  void answer();
  void end_connection(Plan::Then then);
  void idle_later();
  void begin_tunnel();
  void talk_later();

  SimulationContext& context_;
  SimulatedHost& host_;
  SimulatedWorkerSlot& worker_;
  const int process_;
  const int number_;
  const std::string name_;
  FarEnd far_;
  WireReader reader_;
  std::deque<Mark> marks_;
  uint64_t written_ = 0;  // by the proxy
  uint64_t message_start_ = 0;
  ArrivalRecord* arrival_ = nullptr;  // the present request
  Plan plan_;
  uint64_t requests_ = 0;
  std::string forgery_;  // the rest of an answer that nobody asked for: sent as soon as another request comes
  uint64_t talked_ = 0;  // bytes of ours in the tunnel
  bool is_answered_ = true;
  bool is_ending_ = false;
};

class SimulatedHost {
 public:
  enum class Trouble : uint8_t { none, refuses, blackholed, stopped, hangs, cuts, lies, nonsense, slow };
  struct CheckAnswer {
    bool passed = false;
    std::string text;
    Micros after = 0;
  };

  SimulatedHost(SimulationContext& context, int number, size_t service, Side side, std::string address)
      : context_(context), number_(number), service_(service), side_(side), address_(std::move(address)) {}

  int number() const { return number_; }
  size_t service() const { return service_; }
  Side side() const { return side_; }
  const std::string& address() const { return address_; }
  Trouble trouble() const { return trouble_; }
  void set_trouble(Trouble trouble);
  bool is_stopped() const { return trouble_ == Trouble::stopped; }
  // Unless it is stopped by then: as soon as it runs again.
  void after(Micros delay, std::function<void()> act);
  CheckAnswer answer_check(Micros timeout);

  // Null: refused at once.
  FarEnd* connect(SimulatedWorkerSlot& worker, int process, int worker_index, int& error);
  std::deque<std::unique_ptr<HostConnection>>& connections() { return connections_; }

 private:
  void note_down();

  SimulationContext& context_;
  const int number_;
  const size_t service_;
  const Side side_;
  const std::string address_;
  Trouble trouble_ = Trouble::none;
  std::vector<std::function<void()>> postponed_;
  std::deque<std::unique_ptr<HostConnection>> connections_;
};

std::string_view to_text(SimulatedHost::Trouble trouble);

}  // namespace halfdoor
