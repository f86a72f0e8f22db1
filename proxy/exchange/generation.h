// Generation: a snapshot in use by one worker, with the filter chains made for it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "config/snapshot.h"
#include "exchange/filter_chain.h"

namespace halfdoor {

// The chains of one service, by index_of(Mode).
using ModeChains = std::array<FilterChain, kModes.size()>;

// Belongs to its worker's thread. An exchange holds it from its judgement until its response head has been handed on;
// `holders` is a plain count because nobody else counts.
struct Generation {
  std::shared_ptr<const Snapshot> snapshot;
  const std::vector<ModeChains>* chains = nullptr;  // by index into Config::services
  uint32_t holders = 0;

  const ServiceState& state(uint16_t service) const { return snapshot->states[service]; }
  const FilterChain& chain(uint16_t service) const { return (*chains)[service][index_of(state(service).mode)]; }
};

}  // namespace halfdoor
