// QueryParameters: what a query may say to some host, decoded once, however many rules ask for a parameter.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "config/rule.h"
#include "exchange/parameter.h"

namespace halfdoor {

// Lives as long as the query. Nothing is decoded before the first question.
class QueryParameters {
 public:
  explicit QueryParameters(std::string_view query) : query_(query) {}

  // Whether some host may find `wanted` in it, in any spelling, among others of its name. Nobody repeats a name
  // kMostOfOneName times in good faith: past that it is found, so that the work stays small.
  bool may_have(const Rule::Parameter& wanted);

  static constexpr size_t kMostOfOneName = 64;

 private:
  struct Entry {
    Entry(std::string_view name_as_sent, std::string_view value_as_sent) : name(name_as_sent), value(value_as_sent) {}
    ParameterName name;
    ParameterValue value;
  };
  void split(std::string_view separators);

  std::string_view query_;
  std::optional<std::deque<Entry>> entries_;  // an entry holds views of itself: it must not move
};

}  // namespace halfdoor
