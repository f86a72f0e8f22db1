// CurlProber: the checks themselves, by libcurl's multi interface on a libevent loop.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "control/health_prober.h"

struct event;
struct event_base;

namespace halfdoor {

// Of a body that has no end within this, what came decides.
inline constexpr size_t kMostProbeBody = 64 << 10;
inline constexpr size_t kMostProbeHead = 64 << 10;

// The thread of the loop; never blocks. Each check is a GET on a connection of its own, so that a host that takes no
// new connections is noticed. Proxies of the environment are not used, redirects not followed.
class CurlProber : public HealthProber {
 public:
  explicit CurlProber(struct event_base* base);
  ~CurlProber() override;
  CurlProber(const CurlProber&) = delete;
  CurlProber& operator=(const CurlProber&) = delete;

  void begin(const ProbeTarget& target, std::function<void(const ProbeResult&)> done) override;

 private:
  struct Probe;
  struct Callbacks;  // what libcurl and libevent call

  std::unique_ptr<Probe> take_probe();
  void act(int socket, int what);
  void take_ended();
  void end_later(std::function<void(const ProbeResult&)> done, ProbeResult result);
  void tell_ended();

  struct event_base* base_;
  void* multi_;
  struct event* timer_;         // of libcurl
  struct event* ended_signal_;  // something stands in `ended_`
  std::vector<std::pair<std::function<void(const ProbeResult&)>, ProbeResult>> ended_;
  std::vector<std::unique_ptr<Probe>> running_;
  std::vector<std::unique_ptr<Probe>> idle_;  // their handles are used again
};

}  // namespace halfdoor
