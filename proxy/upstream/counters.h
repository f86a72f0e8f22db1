// What a worker counts. One writer, any reader: relaxed atomics, so that counting is a plain addition.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "config/config.h"

namespace halfdoor {

class Counter {
 public:
  void add(uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  void subtract(uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed); }
  void set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

struct ServerCounters {
  Counter in_flight;  // exchanges attached to a connection of this server
  Counter pooled;     // idle connections kept
  Counter connects;
  Counter connect_failures;
  Counter attempts;
  Counter failures;  // attempts that ended without a final status line
};

struct ServiceCounters {
  explicit ServiceCounters(const ServiceConfig& service)
      : servers{std::vector<ServerCounters>(service.side(Side::primary).servers.size()),
                std::vector<ServerCounters>(service.side(Side::backup).servers.size())} {}

  Counter requests;
  Counter refused;       // by the read-only filter
  Counter second_guard;  // caught by the second guard: always 0
  Counter fallback_reads;
  Counter retries;
  Counter slow_reads;  // waited for longer than failover.read_fallback_after, and stayed: the server was not silent
  Counter uncertain;
  Counter tunnels;                   // open now
  std::array<Counter, 6> responses;  // by class: [2] is 2xx; [0] what never got a status
  std::array<std::vector<ServerCounters>, 2> servers;
};

struct WorkerCounters {
  explicit WorkerCounters(const Config& config) {
    for (const ServiceConfig& service : config.services) services.push_back(std::make_unique<ServiceCounters>(service));
  }

  Counter connections;  // client connections open now
  Counter connections_accepted;
  Counter connections_refused;  // over the limit or out of descriptors
  Counter refused_for_memory;   // requests answered 503 over limits.memory
  Counter cut_for_memory;       // clients that did not read, or sent a head slowly, far over limits.memory
  Counter memory;               // bytes held of limits.memory now
  Counter exchanges;            // in flight now
  Counter bad_requests;         // answered before a service was chosen
  Counter turns;                // iterations of the loop: a worker that is stuck stops counting
  std::vector<std::unique_ptr<ServiceCounters>> services;
};

}  // namespace halfdoor
