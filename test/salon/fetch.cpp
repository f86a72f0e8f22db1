// evhttp's client, tamed: the answer is handed over outside of evhttp's own callbacks.
#include "fetch.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>
#include <utility>

namespace salon {

namespace {

constexpr ev_ssize_t max_answer_bytes = ev_ssize_t{512} * 1024 * 1024;  // a whole database
constexpr ev_ssize_t max_head_bytes = ev_ssize_t{16} * 1024;

}  // namespace

void Fetch::ConnectionFree::operator()(evhttp_connection* connection) const { evhttp_connection_free(connection); }

Fetch::Fetch(event_base* base, const Endpoint& host, const FetchRequest& request,
             std::function<void(FetchResult)> on_done)
    : on_done_(std::move(on_done)),
      done_(base, [this] { finish(); }),
      connection_(evhttp_connection_base_new(base, nullptr, host.host.c_str(), host.port)) {
  result_.error = fmt::format("no answer from {} within {} ms", host.url(), request.timeout_ms);
  done_.start(request.timeout_ms);
  if (connection_ == nullptr) throw std::runtime_error("cannot create a connection");
  evhttp_connection_set_max_body_size(connection_.get(), max_answer_bytes);
  evhttp_connection_set_max_headers_size(connection_.get(), max_head_bytes);

  evhttp_request* evhttp = evhttp_request_new(&Fetch::completed, this);
  evkeyvalq* headers = evhttp_request_get_output_headers(evhttp);
  evhttp_add_header(headers, "Host", host.url().substr(std::string_view("http://").size()).c_str());
  evhttp_add_header(headers, "Connection", "close");
  for (const auto& [name, value] : request.headers) evhttp_add_header(headers, name.c_str(), value.c_str());
  const evhttp_cmd_type method = request.method == "POST" ? EVHTTP_REQ_POST : EVHTTP_REQ_GET;
  // If it fails, `completed` has been or will be called, or the deadline comes.
  evhttp_make_request(connection_.get(), evhttp, method, request.target.c_str());
}

void Fetch::completed(evhttp_request* request, void* self) {
  auto& fetch = *static_cast<Fetch*>(self);
  const int status = request == nullptr ? 0 : evhttp_request_get_response_code(request);
  if (status == 0) {
    fetch.result_.error = "refused, or closed before a complete answer";
  } else {
    fetch.result_.status = status;
    const evkeyvalq* headers = evhttp_request_get_input_headers(request);
    for (const evkeyval* header = headers->tqh_first; header != nullptr; header = header->next.tqe_next) {
      std::string name = header->key;
      std::transform(name.begin(), name.end(), name.begin(),
                     [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
      fetch.result_.headers[name] = header->value;
    }
    evbuffer* body = evhttp_request_get_input_buffer(request);
    fetch.result_.body.resize(evbuffer_get_length(body));
    evbuffer_copyout(body, fetch.result_.body.data(), fetch.result_.body.size());
  }
  // evhttp still uses the connection after this call, and on_done may destroy it: so not from here.
  fetch.done_.start(0);
}

void Fetch::finish() {
  connection_.reset();
  const auto on_done = std::move(on_done_);
  on_done(std::move(result_));
}

}  // namespace salon
