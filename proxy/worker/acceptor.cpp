#include "worker/acceptor.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "event/listen.h"

namespace halfdoor {

Acceptor::Acceptor(Loop& loop, UniqueFd socket, WorkerCounters& counters, Accepted accepted)
    : loop_(loop),
      socket_(std::move(socket)),
      spare_(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
      counters_(counters),
      accepted_(std::move(accepted)),
      back_off_(loop.wheel(), *this) {
  if (Result<Address> local = local_address(socket_.get()); local.ok()) {
    local_ = local->text();
    is_unix_ = local->is_unix();
  }
  watch_ = std::make_unique<ReadWatch>(loop_, socket_.get(), [this] { accept_some(); });
}

bool Acceptor::accept_some() {
  for (int i = 0; i < kMostInARow; ++i) {
    sockaddr_storage storage{};
    socklen_t length = sizeof(storage);
    UniqueFd fd(::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&storage), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      const Address peer = Address::from_socket(reinterpret_cast<const sockaddr*>(&storage), length);
      accepted_(loop_.adopt(std::move(fd), is_unix_, /*is_connecting=*/false), peer, local_);
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      shed_one();
      return false;
    }
    // Anything else concerns the one connection that has failed before it was accepted.
  }
  return true;
}

void Acceptor::shed_one() {
  const int error = errno;
  counters_.connections_refused.add();
  spare_.reset();
  UniqueFd(::accept(socket_.get(), nullptr, nullptr)).reset();
  spare_ = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  watch_->pause();
  back_off_.set(kBackOffMs);
  const int64_t now_ms = loop_.wheel().now_ms();
  if (now_ms - last_complaint_ms_ < 1000) return;
  last_complaint_ms_ = now_ms;
  log_error("cannot accept a connection on {}: {}; raise the limit of open files (LimitNOFILE=)", local_,
            std::strerror(error));
}

void Acceptor::on_deadline(Deadline&) {
  if (watch_ != nullptr) watch_->resume();
}

void Acceptor::close() {
  if (watch_ == nullptr) return;
  for (int rows = 0; rows < kMostRowsAtClose && accept_some(); ++rows) {
  }
  watch_.reset();
  back_off_.clear();
  socket_.reset();
}

}  // namespace halfdoor
