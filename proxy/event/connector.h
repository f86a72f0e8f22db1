// Connector: how connections towards servers come to be.
#pragma once

#include <memory>

#include "base/address.h"
#include "event/stream.h"

namespace halfdoor {

class Connector {
 public:
  virtual ~Connector() = default;
  // Starts to connect; the stream reports readiness when that has succeeded or failed (Stream::finish_connect).
  // Null: it failed at once, `error` is an errno.
  virtual std::unique_ptr<Stream> connect(const Address& address, int& error) = 0;
};

}  // namespace halfdoor
