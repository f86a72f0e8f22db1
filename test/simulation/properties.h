// The properties that hold in every simulation, each with its text.
#pragma once

namespace halfdoor {

struct Property {
  const char* name;
  const char* text;
};

namespace property {

inline constexpr Property kI1{
    "I1", "no request of an unsafe method, nor a byte of its body, reaches a side that takes no writes"};
inline constexpr Property kI2{
    "I2", "after a command's reply no request whose head completed later goes to the side that was left"};
inline constexpr Property kI3{"I3", "side, mode and filters of an attempt come from one snapshot"};
inline constexpr Property kI4{"I4", "a request appears at most once over all servers, unless safe"};
inline constexpr Property kI5{"I5", "commands are linearisable; epochs only grow"};
inline constexpr Property kI6{"I6", "after kill -9 the mode is the last acknowledged or the commanded one"};
inline constexpr Property kI7{"I7", "no tunnel outlives drain"};
inline constexpr Property kI8{"I8", "every request gets an answer or a close, every refused write an answer"};
inline constexpr Property kI9{"I9", "nothing leaves read-only without an operator"};
inline constexpr Property kFence{
    "fenced",
    "fenced is said when it is true: nothing is left on a side that does not serve, no write "
    "where none passes, and nothing of them arrives afterwards"};
inline constexpr Property kRead{"P2", "a read with a healthy server on a side that may answer it never fails"};
inline constexpr Property kFallback{
    "fallback", "a read goes to the other side only when every server of its own has failed or is silent"};
inline constexpr Property kAutomatic{
    "automatic", "a primary that is down is left by itself, by the rules of after and cooldown, and no other"};
inline constexpr Property kUncertain{
    "uncertain", "a write of which a byte arrived and whose status nobody learnt is listed, and no other"};
inline constexpr Property kNotice{"notice", "who is told to try again had nothing sent to a server"};
inline constexpr Property kRefusal{"refusal", "nothing is refused that the mode lets pass"};
inline constexpr Property kLatch{
    "latch",
    "a mode towards writes is in force only when its record has been synced; what is called "
    "persisted is in the file"};
inline constexpr Property kAnswer{"answer", "a command is answered once, in time, and says what is true"};
inline constexpr Property kLedger{"ledger", "a write stands in the ledger before its first byte, and leaves it once"};
inline constexpr Property kOwn{"own", "no client ever receives bytes that belong to another's exchange"};
inline constexpr Property kExact{"exact", "bodies are byte-exact or visibly cut"};
inline constexpr Property kTrailers{"trailers", "trailers go on to those who take them, and to nobody else"};
inline constexpr Property kStrict{
    "strict",
    "no byte that a strict parser would refuse ever leaves, in either direction; what must be "
    "refused never arrives"};
inline constexpr Property kCounters{"counters", "requests = responses; in_flight and pooled are what is there"};
inline constexpr Property kLeft{"left",
                                "nothing is left at the end: exchanges, connections, blocks, deadlines, ledger slots"};
inline constexpr Property kGenerations{"generations", "at most 8 generations are alive in a worker"};
inline constexpr Property kBounded{"bounded", "what a worker buffers is bounded by its exchanges and limits.buffer"};
inline constexpr Property kPrompt{"prompt",
                                  "a change towards fewer writes is in force after 250 ms, whatever the disk does"};
inline constexpr Property kLive{"live", "when the faults are over everything settles in bounded time"};

}  // namespace property
}  // namespace halfdoor
