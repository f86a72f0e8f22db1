// The pages for people: welcome, login, bookings, free times.
#pragma once

namespace salon {

class Server;

void add_pages(Server& server);

}  // namespace salon
