// SimulatedOperator: whoever gives commands, sensible or not, and waits for their answers.
#pragma once

#include <cstddef>

#include "control/mode_request.h"

namespace halfdoor {

struct SimulationContext;

class SimulatedOperator {
 public:
  explicit SimulatedOperator(SimulationContext& context) : context_(context) {}

  // Any command, to the process that lives.
  void give_command();
  // One must live.
  void ask(size_t service, ModeRequest request);

 private:
  SimulationContext& context_;
};

}  // namespace halfdoor
