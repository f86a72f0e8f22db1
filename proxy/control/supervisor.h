// Tells the supervisor that started us (systemd's sd_notify protocol) how we are.
#pragma once

#include <string_view>

namespace halfdoor {

// "READY=1", "STOPPING=1". No effect without NOTIFY_SOCKET.
void notify_supervisor(std::string_view state);

}  // namespace halfdoor
