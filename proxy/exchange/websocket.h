// The opening handshake of WebSocket (RFC 6455 4): what a client asks and a server grants before bytes flow both ways.
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "http/head.h"

namespace halfdoor {

// What is wrong with a request whose Upgrade lists websocket (RequestHead::is_websocket_handshake), as a literal;
// empty: it is a handshake that every server reads alike. A version other than 13 is not for us to refuse: the server
// answers 426 and says which it speaks (RFC 6455 4.4).
std::string_view find_handshake_flaw(const RequestHead& request);

// What is wrong with the 101 that answers this handshake, as a literal; empty: both sides now speak WebSocket. The head
// is as the server sent it, hop-by-hop fields included.
std::string_view find_upgrade_flaw(const RequestHead& request, const ResponseHead& response);

// The Sec-WebSocket-Accept that goes with a Sec-WebSocket-Key (RFC 6455 4.2.2, 5.4).
std::string make_websocket_accept(std::string_view key);

// Puts Connection and Upgrade back, which are hop-by-hop (RFC 9110 7.8).
void add_websocket_upgrade(FieldList& fields);

}  // namespace halfdoor
