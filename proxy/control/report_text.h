// What the daemon's JSON answers look like to a person. Pure: JSON in, lines out.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/text.h"

namespace halfdoor {

// The lines that a change prints (design 1.4). `answer`: the body of a 200 or 202.
std::string describe_change(const nlohmann::json& answer);
// Each failing rule on its own line. `problem`: the body of an error.
std::string describe_refusal(const std::string& service, const nlohmann::json& problem);

struct StatusView {
  std::string only_service;  // empty: all
  bool colours = false;
  WallTime now{};
};
std::string describe_status(const nlohmann::json& status, const StatusView& view);
// `changes`, `writes`, `exchanges`: the arrays of the answers.
std::string describe_history(const nlohmann::json& changes);
std::string describe_uncertain(const nlohmann::json& writes);
std::string describe_exchanges(const nlohmann::json& answer);

}  // namespace halfdoor
