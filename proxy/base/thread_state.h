// What a thread of this process does according to the kernel: for a dump, when it does not say so itself.
#pragma once

#include <string>

namespace halfdoor {

// "sleeping in system call 232", "running", "waiting for a disk in system call 75"; "gone" if there is none. Reads
// /proc; any thread.
std::string describe_thread(int thread_id);

// Of the thread that calls.
int present_thread_id();

}  // namespace halfdoor
