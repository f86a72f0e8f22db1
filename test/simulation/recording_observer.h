// RecordingObserver: remembers what a worker reports, in order.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "worker/worker.h"

namespace halfdoor {

class RecordingObserver final : public WorkerObserver {
 public:
  struct Applied {
    uint64_t generation = 0;
    std::vector<ServiceAtSwitch> services;
  };

  std::vector<Applied> applied;
  std::vector<FencedReport> fenced;
  std::vector<uint64_t> stopped;  // what each stop had to cut
  std::vector<ServerId> suspects;
  std::function<void()> on_fenced_hook;
  std::vector<std::string> order;  // "applied 3", "fenced 0:2", "stopped"

  void on_applied(int, uint64_t generation, std::vector<ServiceAtSwitch> services) override {
    applied.push_back({generation, std::move(services)});
    order.push_back("applied " + std::to_string(generation));
  }
  void on_fenced(int, FencedReport report) override {
    if (on_fenced_hook) on_fenced_hook();
    fenced.push_back(report);
    order.push_back("fenced " + std::to_string(report.service) + ":" + std::to_string(report.epoch));
  }
  void on_suspect(int, ServerId server) override { suspects.push_back(server); }
  void on_stopped(int, uint64_t cut) override {
    stopped.push_back(cut);
    order.push_back("stopped");
  }
};

}  // namespace halfdoor
