// RecordingAccessLog: an AccessLog in memory that keeps what it was told, in order.
#pragma once

#include <string>
#include <vector>

#include "exchange/access_log.h"

namespace halfdoor {

class RecordingAccessLog final : public AccessLog {
 public:
  struct Line {
    AccessRecord record;  // its views are void; the text stands beside it
    std::string client, request_id, method, target, host, service, server, why;
  };
  std::vector<Line> lines;
  uint64_t turns = 0;

  void write(const AccessRecord& record) override {
    Line line;
    line.record = record;
    line.client = record.client;
    line.request_id = record.request_id;
    if (record.request != nullptr) {
      line.method = record.request->method;
      line.target = record.request->target;
      line.host = record.request->authority;
    }
    line.service = record.service;
    line.server = record.server;
    line.why = record.why;
    lines.push_back(std::move(line));
  }
  void end_turn(int64_t) override { ++turns; }
};

}  // namespace halfdoor
