// What the control thread's checks would say, told to a simulated worker by hand.
#pragma once

#include "simulation/simulated_worker.h"

namespace halfdoor {

inline constexpr ServerId kFirst{0, Side::primary, 0};
inline constexpr ServerId kSecond{0, Side::primary, 1};
inline constexpr ServerId kBackup{0, Side::backup, 0};

inline SimulatedWorker::Options one_primary_server(Mode mode = Mode::primary) {
  return {[](Config& config) { config.services[0].sides[0].servers.resize(1); }, {mode}};
}

inline void pass_check(SimulatedWorker& worker, ServerId server) {
  worker.health.at(server).end_check(true, worker.wheel.now_ms());
}
inline void fail_check(SimulatedWorker& worker, ServerId server) {
  worker.health.at(server).end_check(false, worker.wheel.now_ms());
}
inline void set_health(SimulatedWorker& worker, ServerId server, Health health) {
  worker.health.at(server).set(health, worker.wheel.now_ms());
}

// A read has waited for it in vain, and its check has failed.
inline void make_silent(SimulatedWorker& worker, ServerId server) {
  fail_check(worker, server);
  worker.health.at(server).silence().note_silence();
}

}  // namespace halfdoor
