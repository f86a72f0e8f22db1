// ExchangeClient: how an exchange reaches the client that waits for it. Implemented in client/.
#pragma once

#include "http/head.h"

namespace halfdoor {

class ExchangeClient {
 public:
  // An interim response (1xx) to send at once; the head is only valid during the call.
  virtual void on_interim_response(const ResponseHead& head) = 0;
  // Something of the final response is there to be pulled: its head, more of its body, its end, or its abort.
  virtual void on_response_ready() = 0;
  // The request body has room again.
  virtual void on_request_room() = 0;

 protected:
  ~ExchangeClient() = default;
};

}  // namespace halfdoor
