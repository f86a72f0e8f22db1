// TlsWire: what OpenSSL reads from and writes to: a Stream in the place of a socket.
#pragma once

#include "event/stream.h"

struct bio_st;

namespace halfdoor {

// Lives as long as the BIO made from it.
struct TlsWire {
  Stream* inner = nullptr;
  int error = 0;         // errno of the first operation that failed; 0: none
  bool saw_end = false;  // the peer has finished sending on the wire
  bool is_cut = false;   // set by the owner: nothing more may be read
};

// Freed by whoever it is given to (SSL_set_bio).
bio_st* make_tls_bio(TlsWire& wire);

}  // namespace halfdoor
