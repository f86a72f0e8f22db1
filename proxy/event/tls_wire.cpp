#include "event/tls_wire.h"

#include <openssl/bio.h>

#include "base/check.h"

namespace halfdoor {

namespace {

TlsWire& wire_of(BIO* bio) { return *static_cast<TlsWire*>(BIO_get_data(bio)); }

int note_failure(TlsWire& wire, const IoResult& result) {
  if (wire.error == 0) wire.error = result.error;
  return -1;
}

int read_wire(BIO* bio, char* into, int most) {
  TlsWire& wire = wire_of(bio);
  BIO_clear_retry_flags(bio);
  if (wire.is_cut) return -1;
  // What edges have told already costs no system call.
  const IoResult result = wire.inner->is_readable() ? wire.inner->read(into, static_cast<size_t>(most)) : IoResult{};
  switch (result.status) {
    case IoResult::Status::ok: return static_cast<int>(result.bytes);
    case IoResult::Status::would_block: BIO_set_retry_read(bio); return -1;
    case IoResult::Status::end: wire.saw_end = true; return 0;
    case IoResult::Status::failed: return note_failure(wire, result);
  }
  return -1;
}

int write_wire(BIO* bio, const char* from, int bytes) {
  TlsWire& wire = wire_of(bio);
  BIO_clear_retry_flags(bio);
  const iovec piece{const_cast<char*>(from), static_cast<size_t>(bytes)};
  const IoResult result = wire.inner->is_writable() ? wire.inner->write(&piece, 1) : IoResult{};
  switch (result.status) {
    case IoResult::Status::ok: return static_cast<int>(result.bytes);
    case IoResult::Status::would_block: BIO_set_retry_write(bio); return -1;
    case IoResult::Status::end:
    case IoResult::Status::failed: return note_failure(wire, result);
  }
  return -1;
}

long control_wire(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return wire_of(bio).saw_end ? 1 : 0;
    default: return 0;
  }
}

BIO_METHOD* wire_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    HALFDOOR_CHECK(made != nullptr);
    BIO_meth_set_read(made, read_wire);
    BIO_meth_set_write(made, write_wire);
    BIO_meth_set_ctrl(made, control_wire);
    return made;
  }();
  return method;
}

}  // namespace

BIO* make_tls_bio(TlsWire& wire) {
  BIO* bio = BIO_new(wire_method());
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, &wire);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace halfdoor
